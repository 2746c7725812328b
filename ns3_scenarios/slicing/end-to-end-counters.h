// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_END_TO_END_COUNTERS_H
#define SLICEBRIDGE_SLICING_END_TO_END_COUNTERS_H

#include "slicing/counters.h"

#include <cstddef>

namespace slicebridge
{

/// Completes counters with what packets met end to end (traffic/packet-ledger.h implements it).
class EndToEndCounters
{
  public:
    virtual ~EndToEndCounters() = default;
    virtual void ReadSlice(std::size_t cell, std::size_t slice, SliceCounters& counters) const = 0;
    virtual void ReadUe(std::size_t ue, UeCounters& counters) const = 0;
};

} // namespace slicebridge

#endif
