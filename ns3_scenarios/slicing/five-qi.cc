// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/five-qi.h"

#include <algorithm>
#include <array>

namespace slicebridge
{

namespace
{

/// 5QI 75 is reserved in TS 23.501; its row is that of QCI 75 in TS 23.203, table 6.1.7.
constexpr uint8_t QCI_ALONE = 75;

constexpr std::array<FiveQiCharacteristics, 32> TABLE{{
    {1, 100.0, 1e-2},  {2, 150.0, 1e-3},  {3, 50.0, 1e-3},   {4, 300.0, 1e-6},  {5, 100.0, 1e-6},
    {6, 300.0, 1e-6},  {7, 100.0, 1e-3},  {8, 300.0, 1e-6},  {9, 300.0, 1e-6},  {10, 1100.0, 1e-6},
    {65, 75.0, 1e-2},  {66, 100.0, 1e-2}, {67, 100.0, 1e-3}, {69, 60.0, 1e-6},  {70, 200.0, 1e-6},
    {71, 150.0, 1e-6}, {72, 300.0, 1e-4}, {73, 300.0, 1e-8}, {74, 500.0, 1e-8}, {75, 50.0, 1e-2},
    {76, 500.0, 1e-4}, {79, 50.0, 1e-2},  {80, 10.0, 1e-6},  {82, 10.0, 1e-4},  {83, 10.0, 1e-4},
    {84, 30.0, 1e-5},  {85, 5.0, 1e-5},   {86, 5.0, 1e-4},   {87, 5.0, 1e-3},   {88, 10.0, 1e-3},
    {89, 15.0, 1e-4},  {90, 20.0, 1e-4},
}};

FiveQiCharacteristics Characteristics(const SliceConfig& slice)
{
    constexpr uint8_t BEST_EFFORT = 9;
    const auto own = FindFiveQi(slice.fiveQi);
    return own ? *own : *FindFiveQi(BEST_EFFORT);
}

} // namespace

std::optional<FiveQiCharacteristics> FindFiveQi(uint8_t fiveQi)
{
    const auto* found = std::find_if(TABLE.begin(),
                                     TABLE.end(),
                                     [fiveQi](const auto& row) { return row.fiveQi == fiveQi; });
    return found == TABLE.end() ? std::nullopt : std::optional(*found);
}

bool IsFiveQi(uint8_t value)
{
    return value != QCI_ALONE && FindFiveQi(value);
}

std::span<const FiveQiCharacteristics> FiveQiTable()
{
    return TABLE;
}

double DelayBudget_ms(const SliceConfig& slice)
{
    return slice.sla.delayBudget_ms.value_or(Characteristics(slice).delayBudget_ms);
}

double LossTarget(const SliceConfig& slice)
{
    return slice.sla.reliability ? 1.0 - *slice.sla.reliability
                                 : Characteristics(slice).packetErrorRate;
}

} // namespace slicebridge
