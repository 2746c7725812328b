// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_CONTROL_PROJECTION_H
#define SLICEBRIDGE_SLICING_CONTROL_PROJECTION_H

#include "slicing/control.h"
#include "slicing/slice.h"

#include <cstddef>
#include <span>
#include <vector>

namespace slicebridge
{

/**
 * Controls of slices that hold the constraints of a cell: PRB ratios by Project(); compute and
 * power shares clamped to [0, 1] (NaN to 0) and, where their sum is above 1, scaled down to it.
 * A feasible input comes back bit for bit.
 * @param requested [cell][slice]
 * @param slices per cell
 */
std::vector<SliceControl> ProjectSlices(std::span<const SliceControl> requested,
                                        std::size_t slices);

/// Clamps weights to [0.01, 100] and power offsets to [-6, 3] dB; NaN becomes 1 and 0 dB.
void ProjectUes(std::span<UeControl> ues);

/**
 * What is in force until the first decision, [cell][slice]: each slice's own policy, equal shares
 * of the compute, and of the power budget a part in proportion to `min` (equal parts if all are 0),
 * which spreads power evenly over PRBs as a cell without slices would.
 */
std::vector<SliceControl> InitialControls(std::size_t cells, std::span<const SliceConfig> slices);

} // namespace slicebridge

#endif
