// SPDX-License-Identifier: GPL-2.0-only
// NrCell: what UEs receive of what was sent.
#include "nr/nr-cell.h"

#include <algorithm>
#include <cmath>

namespace slicebridge::nr
{

namespace
{

/// Memory of the mean transmit power that channel state reports of neighbours' UEs measure.
constexpr double POWER_MEMORY_SLOTS = 20.0;

/// A neighbour whose mean power at a UE is this far below the noise is left out: 20 dB, which
/// changes the SINR by 0.04 dB.
constexpr double NEGLIGIBLE = 0.01;

/// A neighbour whose mean power is less than this part of noise and all interference together does
/// not fade: the sum, of which it is at most so much, hardly notices.
constexpr double WEAK = 0.03;

} // namespace

double NrCell::ElementsPerPrb(uint32_t symbols) const
{
    return ResourceElements(ResourcesOf(m_network.config.carrier, 1, symbols));
}

void NrCell::UpdateMeanPower(int64_t slot)
{
    auto& mean_w = m_network.meanPower_w[m_index];
    static const double oneSlot = std::exp(-1.0 / POWER_MEMORY_SLOTS);
    mean_w *= slot == m_meanPowerSlot + 1
                  ? oneSlot
                  : std::exp(-static_cast<double>(slot - m_meanPowerSlot) / POWER_MEMORY_SLOTS);
    m_meanPowerSlot = slot;
    const auto* plan = FindPlan(slot);
    if (plan)
    {
        mean_w += plan->total_w / m_network.config.carrier.bandwidth_prb * (1.0 - oneSlot);
    }
}

void NrCell::Transmit(int64_t slot, std::vector<Delivery>& deliveries)
{
    const auto* plan = FindPlan(slot);
    if (!plan || plan->grants.empty())
    {
        return;
    }
    const uint32_t symbols = m_network.DataSymbols(slot);
    const auto due = static_cast<std::size_t>(slot + m_network.FeedbackDelay_slots(slot));
    AccountTransmission(*plan);
    if (m_network.observer != nullptr)
    {
        ReportGrants(*plan);
    }
    for (std::size_t grant = 0; grant < plan->grants.size(); ++grant)
    {
        const uint32_t index = plan->grants[grant].block;
        auto& block = m_blocks[index];
        block.sentSlot = slot;
        if (block.ue != NOBODY)
        {
            Gather(*plan, grant, symbols);
            const double error = BlockErrorRate(block.codeBlocks, block.gathered);
            if (block.transmissions == 0)
            {
                block.luck = m_network.ues[block.ue].blockErrors->GetValue();
            }
            Settle(index, block.luck >= error, slot, deliveries);
        }
        m_feedback[due % m_feedback.size()].push_back(index);
    }
}

void NrCell::AccountTransmission(const SlotPlan& plan)
{
    for (const auto& grant : plan.grants)
    {
        const auto& block = m_blocks[grant.block];
        auto& counters = m_counters[grant.slice];
        counters.prbUsed += grant.prbs;
        counters.prbRetx += block.transmissions > 0 ? grant.prbs : 0;
        counters.mcs[block.mcs] += grant.prbs;
        if (block.ue != NOBODY)
        {
            m_network.ues[block.ue].counters.prbUsed += grant.prbs;
        }
        counters.energy_j += plan.power_w[grant.firstRbg] * grant.prbs * m_slotLength_s;
    }
}

/// Adds up what the UE learns of the block from each of its RBGs.
void NrCell::Gather(const SlotPlan& plan, std::size_t grant, uint32_t symbols)
{
    const auto [index, slice, first, last, prbs] = plan.grants[grant];
    auto& block = m_blocks[index];
    const auto& environment = m_network.environment;
    const int64_t time_ns = plan.slot * SlotLength_ns(m_network.config.carrier.numerology);
    const float loss = m_network.receiverLoss[block.mcs];
    const double elements = ElementsPerPrb(symbols);
    const std::size_t count = last - first + 1U;
    const std::span gains{m_gains.data(), count};
    const std::span interference_w{m_interference_w.data(), count};
    environment.GainsOf(block.ue, m_index, time_ns, first, gains);
    std::ranges::fill(interference_w, environment.NoisePerPrb_w());
    AddInterference(block.ue, plan.slot, first, interference_w);
    for (uint32_t i = 0; i < count; ++i)
    {
        const uint32_t rbg = first + i;
        if (plan.owner[rbg] != grant)
        {
            continue;
        }
        const float sinr = plan.power_w[rbg] * gains[i] / interference_w[i];
        block.gathered.Add(InformationAtLinear(block.coding.modulationOrder, sinr * loss),
                           elements * m_network.RbgPrbs(rbg));
    }
}

void NrCell::AddInterference(uint32_t ue,
                             int64_t slot,
                             uint32_t first,
                             std::span<float> interference_w)
{
    const auto& environment = m_network.environment;
    const int64_t time_ns = slot * SlotLength_ns(m_network.config.carrier.numerology);
    double total_w = environment.NoisePerPrb_w();
    for (std::size_t cell = 0; cell < m_network.cells.size(); ++cell)
    {
        total_w += cell == m_index ? 0.0 : m_evenPower_w * environment.MeanGain(ue, cell);
    }
    for (std::size_t cell = 0; cell < m_network.cells.size(); ++cell)
    {
        const double strongest_w = m_evenPower_w * environment.MeanGain(ue, cell);
        if (cell == m_index || strongest_w < NEGLIGIBLE * environment.NoisePerPrb_w())
        {
            continue;
        }
        const auto* plan = m_network.cells[cell]->FindPlan(slot);
        if (!plan || plan->grants.empty())
        {
            continue;
        }
        const std::span gains{m_neighbourGains.data(), interference_w.size()};
        if (strongest_w < WEAK * total_w)
        {
            std::ranges::fill(gains, environment.MeanGain(ue, cell));
        }
        else
        {
            environment.GainsOf(ue, cell, time_ns, first, gains);
        }
        for (std::size_t i = 0; i < gains.size(); ++i)
        {
            interference_w[i] += plan->power_w[first + i] * gains[i];
        }
    }
}

void NrCell::Settle(uint32_t index, bool decoded, int64_t slot, std::vector<Delivery>& deliveries)
{
    auto& block = m_blocks[index];
    auto& ue = m_network.ues[block.ue];
    auto& counters = m_counters[ue.slice];
    ++block.transmissions;
    ++counters.tb;
    ++ue.counters.tb;
    if (!decoded)
    {
        ++counters.tbError;
        ++ue.counters.tbError;
        return;
    }
    block.decoded = true;
    const int64_t received_ns = m_network.ReceptionTime_ns(slot);
    ue.queue.OnReceived(block.range,
                        [&](const Sdu& sdu)
                        {
                            ++counters.airSdu;
                            counters.airDelay_ms += (received_ns - sdu.firstSent_ns) * 1e-6;
                            deliveries.push_back({received_ns, block.ue, sdu.number, sdu.packet});
                        });
}

} // namespace slicebridge::nr
