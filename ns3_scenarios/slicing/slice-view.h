// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_SLICE_VIEW_H
#define SLICEBRIDGE_SLICING_SLICE_VIEW_H

#include "slicing/controller.h"
#include "slicing/slice.h"

#include <cstddef>
#include <span>
#include <vector>

namespace slicebridge
{

/**
 * What a high-level agent sees, as flat numbers in [0, 1]: the observation of the Python class
 * SliceEnv with its default features. Per cell and slice: KPMs over the last high-level period,
 * scaled; min PRB ratio, compute and power share in force; and of the SLA its rate, delay budget,
 * reliability and normalised weight.
 */
class SliceView
{
  public:
    SliceView(std::size_t cells, std::span<const SliceConfig> slices);

    /// Numbers of one view: cells x slices x inputs.
    std::size_t Size() const;

    /// @param view of Size(), overwritten, [cell][slice][input]
    void Fill(const Observation& observation, std::span<float> view) const;

  private:
    std::size_t m_cells;
    std::vector<std::vector<float>> m_sla; ///< [slice][input]
    std::vector<std::size_t> m_columns;    ///< of the features' KPMs
};

} // namespace slicebridge

#endif
