// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_END_TO_END_COUNTERS_H
#define SLICEBRIDGE_SLICING_END_TO_END_COUNTERS_H

#include "slicing/counters.h"

#include <cstddef>
#include <span>

namespace slicebridge
{

/// Completes counters with what packets met end to end (traffic/packet-ledger.h implements it).
class EndToEndCounters
{
  public:
    virtual ~EndToEndCounters() = default;

    /// @param slices [slices] of one cell
    virtual void CompleteSlices(std::size_t cell, std::span<SliceCounters> slices) const = 0;

    /// @param ues [UEs]
    virtual void CompleteUes(std::span<UeCounters> ues) const = 0;
};

} // namespace slicebridge

#endif
