// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TESTS_SLOT_LEDGER_H
#define SLICEBRIDGE_TESTS_SLOT_LEDGER_H

#include "slicing/slot-observer.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>

namespace slicebridge
{

/// Adds up what it is told of slots, and notes what cannot be.
class SlotLedger : public SlotObserver
{
  public:
    explicit SlotLedger(SlotGrid grid)
        : m_grid(grid)
    {
    }

    void OnGrant(const SlotGrant& grant) override
    {
        auto& total = slices[grant.slice];
        total.prbs += grant.prbs;
        ++total.blocks;
        total.repetitions += grant.transmission > 1 ? 1 : 0;
        if (grant.prbs > 0)
        {
            Claim(grant);
        }
        m_sent.emplace(Slot(), grant.ue, grant.process, grant.layer);
    }

    void OnFeedback(const SlotFeedback& feedback) override
    {
        ++answers;
        nacks += feedback.ack ? 0 : 1;
        const auto sent = Slot() - feedback.age_slots;
        const auto ue = static_cast<int32_t>(feedback.ue);
        strange += m_sent.erase({sent, ue, feedback.process, feedback.layer}) == 1 ? 0 : 1;
    }

    struct Total
    {
        uint64_t prbs{};
        uint64_t blocks{};
        uint64_t repetitions{};
    };

    std::map<int32_t, Total> slices; ///< -1: signalling
    uint64_t answers{};
    uint64_t nacks{};
    uint64_t strange{}; ///< feedback to what was not granted, or twice
    uint64_t clashes{}; ///< RBGs granted twice in a slot, or PRBs that their bitmap does not have

  private:
    int64_t Slot() const
    {
        return ns3::Simulator::Now().GetNanoSeconds() / m_grid.slot.GetNanoSeconds();
    }

    void Claim(const SlotGrant& grant)
    {
        uint32_t prbs = 0;
        for (uint32_t rbg = 0; rbg * m_grid.rbg_prbs < m_grid.prbs; ++rbg)
        {
            const uint32_t word = rbg / 32;
            if (word < grant.rbgs.size() && ((grant.rbgs[word] >> (rbg % 32)) & 1U) != 0)
            {
                prbs += std::min(m_grid.rbg_prbs, m_grid.prbs - rbg * m_grid.rbg_prbs);
                clashes += m_claimed.emplace(Slot(), grant.cell, rbg).second ? 0 : 1;
            }
        }
        clashes += prbs == grant.prbs ? 0 : 1;
    }

    SlotGrid m_grid;
    std::set<std::tuple<int64_t, int32_t, uint32_t, uint32_t>> m_sent;
    std::set<std::tuple<int64_t, uint32_t, uint32_t>> m_claimed;
};

} // namespace slicebridge

#endif
