// SPDX-License-Identifier: GPL-2.0-only
// NrCell: what a debugger is told of slots.
#include "nr/nr-cell.h"

namespace slicebridge::nr
{

/// To be called before the blocks are sent.
void NrCell::ReportGrants(const SlotPlan& plan) const
{
    constexpr uint32_t WORD_BITS = 32;
    std::vector<uint32_t> bitmap((m_rbgs + WORD_BITS - 1) / WORD_BITS);
    for (std::size_t index = 0; index < plan.grants.size(); ++index)
    {
        const auto& grant = plan.grants[index];
        const auto& block = m_blocks[grant.block];
        SlotGrant report{.cell = static_cast<uint32_t>(m_index),
                         .ue = block.ue == NOBODY ? -1 : static_cast<int32_t>(block.ue),
                         .slice = static_cast<int32_t>(grant.slice),
                         .process = grant.block,
                         .mcs = block.mcs,
                         .tbs_bits = block.tbs_bits,
                         .prbs = grant.prbs,
                         .transmission = block.transmissions + 1U,
                         .rbgs = bitmap};
        std::ranges::fill(bitmap, 0);
        for (uint32_t rbg = grant.firstRbg; rbg <= grant.lastRbg; ++rbg)
        {
            if (plan.owner[rbg] == index)
            {
                bitmap[rbg / WORD_BITS] |= 1U << (rbg % WORD_BITS);
            }
        }
        m_network.observer->OnGrant(report);
    }
}

void NrCell::ReportFeedback(uint32_t index, int64_t slot) const
{
    const auto& block = m_blocks[index];
    m_network.observer->OnFeedback({.cell = static_cast<uint32_t>(m_index),
                                    .ue = block.ue,
                                    .process = index,
                                    .layer = 0,
                                    .age_slots = static_cast<uint32_t>(slot - block.sentSlot),
                                    .ack = block.decoded});
}

} // namespace slicebridge::nr
