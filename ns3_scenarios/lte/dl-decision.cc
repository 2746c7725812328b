// SPDX-License-Identifier: GPL-2.0-only
#include "lte/dl-decision.h"

#include <bit>
#include <cstddef>

namespace slicebridge
{

DlDecision::DlDecision(std::vector<SchedulingRule> rules)
{
    for (const auto rule : rules)
    {
        m_slices.push_back({.rule = rule, .candidates = {}});
    }
}

void DlDecision::Begin()
{
    for (auto& slice : m_slices)
    {
        slice.candidates.clear();
        slice.wanted = 0;
    }
}

void DlDecision::Add(std::size_t slice, DlUe& ue)
{
    m_slices[slice].candidates.push_back(&ue);
    m_slices[slice].wanted += ue.wantedUnits;
}

void DlDecision::Assign(std::span<const uint32_t> granted,
                        DlGrid& grid,
                        ns3::LteFfrSapProvider& ffr)
{
    for (std::size_t i = 0; i < m_slices.size(); ++i)
    {
        m_slices[i].granted = granted[i];
        m_slices[i].left = granted[i];
    }
    // One walk does, unless a slice was out of range on the RBGs that came to it last.
    while (Walk(grid, ffr))
    {
    }
}

/// @return true if another walk could assign more
bool DlDecision::Walk(DlGrid& grid, ns3::LteFfrSapProvider& ffr)
{
    bool assigned = false;
    for (uint32_t free = grid.Free(); free != 0; free &= free - 1)
    {
        const auto rbg = static_cast<uint32_t>(std::countr_zero(free));
        if (AssignRbg(rbg, ffr))
        {
            grid.Take(1U << rbg);
            assigned = true;
        }
    }
    return assigned && grid.Free() != 0 && NextSlice(0) != nullptr;
}

bool DlDecision::AssignRbg(uint32_t rbg, ns3::LteFfrSapProvider& ffr)
{
    uint32_t passedOver = 0;
    while (Slice* slice = NextSlice(passedOver))
    {
        if (DlUe* ue = BestUe(*slice, rbg, ffr))
        {
            ue->dataRbgs |= 1U << rbg;
            ++ue->units;
            ue->turn = ++m_turns;
            --slice->left;
            return true;
        }
        passedOver |= 1U << (slice - m_slices.data());
    }
    return false;
}

/// The slice with the largest part of its grant to come, of those not in the bitmap `passedOver`.
DlDecision::Slice* DlDecision::NextSlice(uint32_t passedOver)
{
    Slice* next = nullptr;
    for (std::size_t i = 0; i < m_slices.size(); ++i)
    {
        Slice& slice = m_slices[i];
        if (slice.left == 0 || ((passedOver >> i) & 1U) != 0)
        {
            continue;
        }
        if (next == nullptr || slice.left * next->granted > next->left * slice.granted)
        {
            next = &slice;
        }
    }
    return next;
}

DlUe* DlDecision::BestUe(const Slice& slice, uint32_t rbg, ns3::LteFfrSapProvider& ffr) const
{
    DlUe* best = nullptr;
    double bestRank = 0.0;
    for (DlUe* ue : slice.candidates)
    {
        const double rate_bps = ue->cqi.Rate_bps(rbg);
        if (ue->units == ue->wantedUnits || rate_bps <= 0.0)
        {
            continue;
        }
        ue->ranking.achievableRate_bps = rate_bps;
        // Having been served in this very TTI is what round robin must know first.
        const bool roundRobin = slice.rule == SchedulingRule::RoundRobin;
        const double rank = roundRobin && ue->units > 0 ? 0.0 : Rank(slice.rule, ue->ranking);
        const bool takesTurns = roundRobin || rank == 0.0;
        const bool better = best == nullptr || rank > bestRank ||
                            (takesTurns && rank == bestRank && ue->turn < best->turn);
        if (better && ffr.IsDlRbgAvailableForUe(static_cast<int>(rbg), ue->rnti))
        {
            best = ue;
            bestRank = rank;
        }
    }
    return best;
}

} // namespace slicebridge
