// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_KPM_TABLE_H
#define SLICEBRIDGE_SLICING_KPM_TABLE_H

#include "slicing/counters.h"
#include "slicing/slice.h"

#include <cstddef>
#include <span>
#include <string_view>

namespace slicebridge
{

/// Window that a KPM is computed over.
struct KpmWindow
{
    double length_ms;
    const SliceConfig& slice;
    double tti_ms{1.0}; ///< duration of the TTIs that PRBs are counted in
};

/**
 * One performance measurement: the row of the table that is the code, the wire schema, the
 * recording and the documentation at once.
 *
 * Names are those of 3GPP TS 28.552 where it has the measurement. That standard is about NR; on
 * LTE its names are used by analogy. What it lacks is named `x.` and a lower-case name that ends
 * in its unit unless it counts or is a ratio. A mean or ratio over nothing is 0. Counts are
 * differences over the window, and x.packets_lost may be negative: a loss on the air is inferred,
 * and taken back if the packet arrives after all. In each cell and slice, exactly,
 * queued now = queued before + sent - delivered - dropped - lost.
 */
template <typename Counters>
struct KpmDefinition
{
    std::string_view name;
    std::string_view unit;
    std::string_view type; ///< "CC" count over the window, "DER" mean or ratio, "SI" state now
    std::string_view description; ///< with the clause of the standard
    /// Value at the end of the window, from the totals at its two ends.
    double (*compute)(const Counters& before, const Counters& now, const KpmWindow& window);
};

using SliceKpm = KpmDefinition<SliceCounters>;
using UeKpm = KpmDefinition<UeCounters>;

/// Measurements per cell and slice, in the order of the observation's columns.
std::span<const SliceKpm> SliceKpmTable();

/// Measurements per UE, in the order of the observation's columns.
std::span<const UeKpm> UeKpmTable();

/// Column of a measurement in SliceKpmTable(). @throws std::out_of_range if there is none
std::size_t SliceKpmColumn(std::string_view name);

/// Column of a measurement in UeKpmTable(). @throws std::out_of_range if there is none
std::size_t UeKpmColumn(std::string_view name);

} // namespace slicebridge

#endif
