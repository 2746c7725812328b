// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_KPM_TABLE_H
#define SLICEBRIDGE_SLICING_KPM_TABLE_H

#include "slicing/counters.h"
#include "slicing/slice.h"

#include <span>
#include <string_view>

namespace slicebridge
{

/// Window that a KPM is computed over.
struct KpmWindow
{
    double length_ms;
    const SliceConfig& slice;
};

/**
 * One performance measurement: the row of the table that is the code, the wire schema, the
 * recording and the documentation at once. Names are those of 3GPP TS 28.552 where it has the
 * measurement (on LTE by analogy); what it lacks starts with "x.".
 */
template <typename Counters>
struct KpmDefinition
{
    std::string_view name;
    std::string_view unit;
    std::string_view type;        ///< "CC" cumulative, "DER" mean or ratio, "SI" state now
    std::string_view description; ///< with the clause of the standard
    double (*compute)(const Counters& before, const Counters& now, const KpmWindow& window);
};

using SliceKpm = KpmDefinition<SliceCounters>;
using UeKpm = KpmDefinition<UeCounters>;

/// Measurements per cell and slice, in the order of the observation's columns.
std::span<const SliceKpm> SliceKpmTable();

/// Measurements per UE, in the order of the observation's columns.
std::span<const UeKpm> UeKpmTable();

} // namespace slicebridge

#endif
