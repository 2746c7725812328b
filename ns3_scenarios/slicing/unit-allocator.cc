// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/unit-allocator.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace slicebridge
{

namespace
{

/// Millionths in 1.
constexpr int64_t SCALE = 1'000'000;

/// Ratio in millionths, rounded down but for the error of a float.
int64_t Millionths(float ratio)
{
    constexpr double FLOAT_ERROR = 0.1;
    return static_cast<int64_t>(std::floor(static_cast<double>(ratio) * SCALE + FLOAT_ERROR));
}

int64_t FloorUnit(int64_t amount)
{
    return amount - amount % SCALE;
}

/// Exact share of `units` at a ratio; whole where the ratio is, within a millionth, a whole part.
int64_t Amount(int64_t millionths, uint32_t units)
{
    const int64_t amount = millionths * units;
    const int64_t below = amount % SCALE;
    return SCALE - below <= units ? amount + SCALE - below : amount;
}

} // namespace

uint32_t WholeUnits(float ratio, uint32_t units)
{
    return static_cast<uint32_t>(Amount(Millionths(ratio), units) / SCALE);
}

UnitAllocator::UnitAllocator(std::size_t slices)
    : m_slots(slices),
      m_granted(slices)
{
    SetPolicies(std::vector<RrmPolicyRatio>(slices));
}

void UnitAllocator::SetPolicies(std::span<const RrmPolicyRatio> policies)
{
    if (policies.size() != m_slots.size() || !IsFeasible(policies))
    {
        throw std::invalid_argument("UnitAllocator: one feasible policy per slice is needed");
    }
    int64_t sumMin = 0;
    for (std::size_t i = 0; i < m_slots.size(); ++i)
    {
        m_slots[i].min = Millionths(policies[i].min);
        m_slots[i].max = Millionths(policies[i].max);
        sumMin += m_slots[i].min;
    }
    for (std::size_t i = 0; i < m_slots.size(); ++i)
    {
        // IsFeasible tolerates sums a millionth above 1, which integers do not.
        auto& slot = m_slots[i];
        slot.min = sumMin > SCALE ? slot.min * SCALE / sumMin : slot.min;
        slot.dedicated = std::min(Millionths(policies[i].dedicated), slot.min);
    }
}

std::span<const uint32_t> UnitAllocator::Allocate(uint32_t units,
                                                  std::span<const SliceDemand> demand)
{
    Prepare(units, demand);
    if (ShareOut())
    {
        Round();
        PayBack();
        Carry();
    }
    for (std::size_t i = 0; i < m_slots.size(); ++i)
    {
        const auto& slot = m_slots[i];
        m_granted[i] = static_cast<uint32_t>((slot.given - slot.committed) / SCALE);
    }
    return m_granted;
}

void UnitAllocator::Prepare(uint32_t units, std::span<const SliceDemand> demand)
{
    m_total = units * SCALE;
    m_reserve = 0;
    int64_t committed = 0;
    for (std::size_t i = 0; i < m_slots.size(); ++i)
    {
        auto& slot = m_slots[i];
        const int64_t cap = FloorUnit(Amount(slot.max, units));
        slot.committed = demand[i].committed * SCALE;
        slot.limit = std::min(cap, slot.committed + std::min(demand[i].wanted, units) * SCALE);
        slot.guaranteed = Amount(slot.min, units);
        slot.overrun = false;
        committed += slot.committed;
        // What a slice could not use for its cap need not be kept for it.
        m_reserve +=
            std::max<int64_t>(0, std::min(Amount(slot.dedicated, units), cap) - slot.limit);
    }
    m_reserve = std::clamp<int64_t>(m_total - committed, 0, m_reserve);
}

/// Finds the exact shares. Returns whether units are short, so that shares may be no whole units.
bool UnitAllocator::ShareOut()
{
    int64_t left = Fill(m_total - m_reserve);
    for (auto& slot : m_slots)
    {
        slot.entitled = slot.share;
    }
    while (MarkOverruns())
    {
        int64_t budget = m_total - m_reserve;
        for (const auto& slot : m_slots)
        {
            budget -= slot.overrun ? slot.share : 0;
        }
        left = Fill(std::max<int64_t>(0, budget));
    }
    for (auto& slot : m_slots)
    {
        slot.given = FloorUnit(slot.share);
    }
    return left == 0;
}

/// Shares `budget` between the slices that do not overrun; returns what none of them wants.
int64_t UnitAllocator::Fill(int64_t budget)
{
    int64_t need = 0;
    for (auto& slot : m_slots)
    {
        if (!slot.overrun)
        {
            slot.share = std::min(slot.limit, slot.guaranteed);
            need += slot.share;
        }
    }
    if (need > budget)
    {
        FillShort(budget, need);
        return 0;
    }
    return Spread(Spread(budget - need, true), false);
}

/// Brings the shares, which sum up to `need`, down to `budget`.
void UnitAllocator::FillShort(int64_t budget, int64_t need)
{
    if (need - budget < SCALE / 1000)
    {
        // Only the rounding of ratios; whole shares shall stay whole.
        for (auto& slot : m_slots)
        {
            const int64_t cut = slot.overrun ? 0 : std::min(need - budget, slot.share % SCALE);
            slot.share -= cut;
            need -= cut;
        }
        return;
    }
    int64_t left = budget;
    for (auto& slot : m_slots)
    {
        if (!slot.overrun)
        {
            slot.share = slot.share * budget / need;
            left -= slot.share;
        }
    }
    // Rounding down lost less than a millionth per slice that wants something.
    for (auto& slot : m_slots)
    {
        if (left > 0 && !slot.overrun && std::min(slot.limit, slot.guaranteed) > 0)
        {
            ++slot.share;
            --left;
        }
    }
}

/**
 * Shares `budget` between the slices that want more than they have: those with a `min` in
 * proportion to it, or those without in equal parts. Returns what none of them wants.
 */
int64_t UnitAllocator::Spread(int64_t budget, bool byMin)
{
    while (budget > 0)
    {
        int64_t weights = 0;
        for (const auto& slot : m_slots)
        {
            weights += Contends(slot, byMin) ? Weight(slot) : 0;
        }
        if (weights == 0)
        {
            break;
        }
        const int64_t round = budget;
        for (auto& slot : m_slots)
        {
            if (Contends(slot, byMin) && slot.share + round * Weight(slot) / weights >= slot.limit)
            {
                budget -= slot.limit - slot.share;
                slot.share = slot.limit;
            }
        }
        if (budget == round)
        {
            SpreadRound(budget, weights, byMin);
            return 0;
        }
    }
    return budget;
}

/// Gives each contender its part of `budget`, which is known to leave it below its limit.
void UnitAllocator::SpreadRound(int64_t budget, int64_t weights, bool byMin)
{
    int64_t left = budget;
    for (auto& slot : m_slots)
    {
        if (Contends(slot, byMin))
        {
            const int64_t part = budget * Weight(slot) / weights;
            slot.share += part;
            left -= part;
        }
    }
    // Rounding down lost less than a millionth per contender, and each has room for one.
    for (auto& slot : m_slots)
    {
        if (left > 0 && Contends(slot, byMin))
        {
            ++slot.share;
            --left;
        }
    }
}

/// Fixes the share of slices whose repetitions take more; returns whether there was a new one.
bool UnitAllocator::MarkOverruns()
{
    bool found = false;
    for (auto& slot : m_slots)
    {
        if (!slot.overrun && slot.committed > slot.share)
        {
            slot.overrun = true;
            slot.share = slot.committed;
            found = true;
        }
    }
    return found;
}

/// Largest remainder: hands the units that rounding down left to those who are owed most.
void UnitAllocator::Round()
{
    m_idle = FloorUnit(m_reserve);
    int64_t left = m_total - m_idle;
    for (const auto& slot : m_slots)
    {
        left -= slot.given;
    }
    for (; left > 0; left -= SCALE)
    {
        Slot* most = nullptr;
        for (auto& slot : m_slots)
        {
            if (!slot.overrun && slot.given < slot.share && (!most || Owed(slot) > Owed(*most)))
            {
                most = &slot;
            }
        }
        const int64_t owedIdle = m_idleCarry + m_reserve - m_idle;
        if (m_idle < m_reserve && (!most || owedIdle > Owed(*most)))
        {
            m_idle += SCALE;
        }
        else if (most)
        {
            most->given += SCALE;
        }
    }
}

/**
 * Moves units from slices that had too much in earlier TTIs to those that had too little, as long
 * as the difference is more than the unit that rounding explains. A slice gives up one unit below
 * its share at most.
 */
void UnitAllocator::PayBack()
{
    for (;;)
    {
        Slot* creditor = nullptr;
        Slot* debtor = nullptr;
        for (auto& slot : m_slots)
        {
            if (slot.overrun)
            {
                continue;
            }
            if (slot.given < slot.limit && (!creditor || Owed(slot) > Owed(*creditor)))
            {
                creditor = &slot;
            }
            if (slot.given > slot.committed && slot.given >= FloorUnit(slot.share) &&
                (!debtor || Owed(slot) < Owed(*debtor)))
            {
                debtor = &slot;
            }
        }
        if (!creditor || !debtor || Owed(*creditor) - Owed(*debtor) <= SCALE)
        {
            return;
        }
        creditor->given += SCALE;
        debtor->given -= SCALE;
    }
}

void UnitAllocator::Carry()
{
    m_idleCarry += m_reserve - m_idle;
    int64_t largest = std::abs(m_idleCarry);
    for (auto& slot : m_slots)
    {
        slot.carry = Owed(slot);
        largest = std::max(largest, std::abs(slot.carry));
    }
    if (largest <= MAX_CARRY_UNITS * SCALE)
    {
        return;
    }
    // All alike, so that claims and debts go on cancelling each other.
    m_idleCarry = m_idleCarry * MAX_CARRY_UNITS * SCALE / largest;
    for (auto& slot : m_slots)
    {
        slot.carry = slot.carry * MAX_CARRY_UNITS * SCALE / largest;
    }
}

bool UnitAllocator::Contends(const Slot& slot, bool byMin)
{
    return !slot.overrun && slot.share < slot.limit && (slot.min > 0) == byMin;
}

int64_t UnitAllocator::Weight(const Slot& slot)
{
    return std::max<int64_t>(slot.min, 1);
}

int64_t UnitAllocator::Owed(const Slot& slot)
{
    return slot.carry + slot.entitled - slot.given;
}

} // namespace slicebridge
