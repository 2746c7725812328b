// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_FIVE_QI_H
#define SLICEBRIDGE_SLICING_FIVE_QI_H

#include "slicing/slice.h"

#include <cstdint>
#include <optional>
#include <span>

namespace slicebridge
{

/// What 3GPP TS 23.501, table 5.7.4-1, standardises for a 5QI, or TS 23.203, table 6.1.7, for a
/// QCI; they agree wherever a value stands in both.
struct FiveQiCharacteristics
{
    uint8_t fiveQi;
    double delayBudget_ms;  ///< packet delay budget
    double packetErrorRate; ///< in (0, 1)
};

/// Characteristics of a standardised 5QI or QCI; nothing for any other value.
std::optional<FiveQiCharacteristics> FindFiveQi(uint8_t fiveQi);

/// True for 5QIs of 5G; false for what is a QCI of EPS alone, or nothing.
bool IsFiveQi(uint8_t value);

/// All 5QIs and QCIs, by value.
std::span<const FiveQiCharacteristics> FiveQiTable();

/// One-way delay budget of a slice in ms: that of its SLA, else of its 5QI, else of 5QI 9.
double DelayBudget_ms(const SliceConfig& slice);

/// Part of packets that may fail: 1 - the SLA's reliability, else that of its 5QI, else of 5QI 9.
double LossTarget(const SliceConfig& slice);

} // namespace slicebridge

#endif
