// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_RAN_H
#define SLICEBRIDGE_SLICING_RAN_H

#include "slicing/control.h"
#include "slicing/counters.h"

#include <cstddef>
#include <span>

namespace slicebridge
{

/**
 * A cell of any radio access technology, as the epoch loop sees it. A new RAN implements this and
 * Ran, and is registered in one line of scenarios/.
 */
class RanCell
{
  public:
    virtual ~RanCell() = default;

    /**
     * Put the high level's decision in force from the next TTI on.
     * @param slices one feasible control per slice
     */
    virtual void ApplySliceControls(std::span<const SliceControl> slices) = 0;

    /**
     * Read the running totals that this cell keeps; fields of "end to end" are left alone, the
     * packet ledger fills them.
     * @param counters one per slice
     */
    virtual void ReadSlices(std::span<SliceCounters> counters) const = 0;
};

/// All cells of a network and the UEs they serve, which may move between them.
class Ran
{
  public:
    virtual ~Ran() = default;

    virtual std::size_t CellCount() const = 0;
    virtual RanCell& Cell(std::size_t index) = 0;

    /**
     * Put the low level's decision in force from the next TTI on.
     * @param ues one control per UE, in scenario order
     */
    virtual void ApplyUeControls(std::span<const UeControl> ues) = 0;

    /**
     * Read serving cell, radio state and MAC totals of each UE; end-to-end fields are left alone.
     * @param counters one per UE, in scenario order
     */
    virtual void ReadUes(std::span<UeCounters> counters) const = 0;

    /// True once every UE is connected to a cell; warm-up cannot end before.
    virtual bool AllUesConnected() const = 0;
};

} // namespace slicebridge

#endif
