// SPDX-License-Identifier: GPL-2.0-only
#include "nr/nr-cell.h"

#include "slicing/five-qi.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace slicebridge::nr
{

namespace
{

constexpr int64_t SYMBOLS_PER_SLOT = 14;

/// A slice's spectral density may leave the even one by this factor either way: 6 dB.
constexpr double GREATEST_BOOST = 4.0;

} // namespace

NetworkState::NetworkState(NrRanConfig networkConfig)
    : config(std::move(networkConfig)),
      environment(config, 100'000),
      cqiThresholds(SinrThresholds::OfCqi(config.carrier)),
      slotPattern(ParseSlotPattern(config.carrier.slotPattern)),
      meanPower_w(config.sites.count)
{
    for (const double gap_db : ReceiverGaps_db(config.carrier))
    {
        receiverLoss.push_back(static_cast<float>(std::pow(10.0, -gap_db / 10.0)));
    }
    for (const auto& slice : config.slices)
    {
        blockErrorTargets.push_back(BlockErrorTarget(slice));
        mcsThresholds.push_back(SinrThresholds::OfMcs(config.carrier, blockErrorTargets.back()));
    }
    constexpr int64_t BLOCK_ERROR_STREAM = 200'000;
    for (std::size_t i = 0; i < config.ues.size(); ++i)
    {
        auto& ue = ues.emplace_back(config.ues[i].slice, config.rlcBuffer_bytes);
        ue.blockErrors = ns3::CreateObject<ns3::UniformRandomVariable>();
        ue.blockErrors->SetStream(BLOCK_ERROR_STREAM + static_cast<int64_t>(i));
        ue.reportedSinr_db.resize(environment.RbgCount());
        ue.reportedRate_bps.resize(environment.RbgCount() + 1);
    }
}

uint32_t NetworkState::DataSymbols(int64_t slot) const
{
    switch (slotPattern[static_cast<std::size_t>(slot) % slotPattern.size()])
    {
    case SlotKind::Downlink:
        return config.carrier.dataSymbols;
    case SlotKind::Special:
        return config.carrier.specialSymbols;
    case SlotKind::Uplink:
        return 0;
    }
    return 0;
}

uint32_t NetworkState::FeedbackDelay_slots(int64_t slot) const
{
    const auto& carrier = config.carrier;
    const bool inSpecial = carrier.controlSymbols + carrier.specialSymbols < SYMBOLS_PER_SLOT;
    const auto hasUplink = [&](SlotKind kind)
    { return kind == SlotKind::Uplink || (kind == SlotKind::Special && inSpecial); };
    const bool tdd = std::ranges::any_of(slotPattern, hasUplink);
    const auto size = static_cast<int64_t>(slotPattern.size());
    int64_t at = slot + config.harq.k1_slots;
    while (tdd && !hasUplink(slotPattern[static_cast<std::size_t>(at % size)]))
    {
        ++at;
    }
    return static_cast<uint32_t>(at - slot) + config.harq.n2_slots;
}

std::size_t NetworkState::RingSize() const
{
    uint32_t longest = 0;
    for (std::size_t slot = 0; slot < slotPattern.size(); ++slot)
    {
        longest = std::max(longest, FeedbackDelay_slots(static_cast<int64_t>(slot)));
    }
    return config.harq.n0_slots + longest + 2;
}

int64_t NetworkState::ReceptionTime_ns(int64_t slot) const
{
    const int64_t length_ns = SlotLength_ns(config.carrier.numerology);
    const int64_t symbols = config.carrier.controlSymbols + DataSymbols(slot);
    return slot * length_ns + length_ns * symbols / SYMBOLS_PER_SLOT +
           static_cast<int64_t>(config.harq.decode_us * 1e3);
}

NrCell::NrCell(NetworkState& network, std::size_t index)
    : m_network(network),
      m_index(index),
      m_rbgs(network.environment.RbgCount()),
      m_slices(network.config.slices.size()),
      m_slotLength_s(SlotLength_ns(network.config.carrier.numerology) * 1e-9),
      m_evenPower_w(std::pow(10.0, network.config.carrier.txPower_dbm / 10.0 - 3.0) /
                    network.config.carrier.bandwidth_prb),
      m_rbgSymbols(ElementsPerPrb(network.config.carrier.dataSymbols) *
                   network.config.carrier.rbgSize_prb),
      m_powerBoost(m_slices, 1.0),
      m_powerBoost_db(m_slices, 0.0),
      m_allocator(m_slices),
      m_du(network.config.du, m_slices),
      m_repetitions(m_slices),
      m_plans(network.RingSize()),
      m_feedback(network.RingSize()),
      m_candidates(m_slices),
      m_demand(m_slices),
      m_sliceOfRbg(m_rbgs),
      m_given(m_slices),
      m_sliceRbgs(m_slices),
      m_gains(m_rbgs),
      m_interference_w(m_rbgs),
      m_neighbourGains(m_rbgs),
      m_equalRates(m_rbgs + 1, 1.0F),
      m_highestRank(m_rbgs + 1),
      m_highestIndex(m_rbgs + 1),
      m_counters(m_slices)
{
    std::vector<RrmPolicyRatio> policies;
    for (const auto& slice : network.config.slices)
    {
        policies.push_back(InRbgs(slice.policy));
        m_delayBudget_ms.push_back(DelayBudget_ms(slice));
        m_lossTarget.push_back(LossTarget(slice));
        m_discardAfter_ns.push_back(static_cast<int64_t>(DelayBudget_ms(slice) * 1e6));
    }
    m_allocator.SetPolicies(policies);
    TabulateCqi();
    for (auto& plan : m_plans)
    {
        plan.owner.assign(m_rbgs, NOBODY);
        plan.power_w.assign(m_rbgs, 0.0F);
    }
}

/// The cap counts PRBs, and the last RBG may have fewer than the others: as many RBGs as stay
/// within it however long they are.
RrmPolicyRatio NrCell::InRbgs(const RrmPolicyRatio& policy) const
{
    const auto& carrier = m_network.config.carrier;
    const uint32_t cap_prb = WholeUnits(policy.max, carrier.bandwidth_prb);
    if (cap_prb >= carrier.bandwidth_prb)
    {
        return policy;
    }
    const float max =
        static_cast<float>(cap_prb / carrier.rbgSize_prb) / static_cast<float>(m_rbgs);
    return {.dedicated = std::min(policy.dedicated, max),
            .min = std::min(policy.min, max),
            .max = max};
}

/// A slice's power share over its share of guaranteed PRBs is how much denser or thinner than even
/// it may radiate; so shares in proportion to `min` leave the spectrum even.
void NrCell::ApplySliceControls(std::span<const SliceControl> slices)
{
    std::vector<RrmPolicyRatio> policies;
    std::vector<float> computeShares;
    double sumMin = 0.0;
    for (const auto& slice : slices)
    {
        policies.push_back(InRbgs(slice.prb));
        computeShares.push_back(slice.computeShare);
        sumMin += slice.prb.min;
    }
    m_allocator.SetPolicies(policies);
    const int64_t now_ns = ns3::Simulator::Now().GetNanoSeconds();
    AdvanceDu(now_ns);
    m_du.SetShares(computeShares, now_ns);
    m_network.wake(NextCompletion_ns());
    for (std::size_t slice = 0; slice < m_slices; ++slice)
    {
        const double even = sumMin > 0.0 ? slices[slice].prb.min / sumMin : 1.0 / m_slices;
        const double share = slices[slice].powerShare;
        m_powerBoost[slice] =
            even > 0.0 ? std::clamp(share / even, 1.0 / GREATEST_BOOST, GREATEST_BOOST) : 1.0;
        m_powerBoost_db[slice] = 10.0 * std::log10(m_powerBoost[slice]);
    }
}

void NrCell::Connect(uint32_t ue)
{
    m_connected.push_back(ue);
    auto& state = m_network.ues[ue];
    state.counters.cell = static_cast<int32_t>(m_index);
    state.reportSlot = -1;
    state.nextReport = 0;
    state.listed = false;
    if (state.queue.PendingBytes() > 0)
    {
        OnBacklog(ue, ns3::Simulator::Now().GetNanoSeconds());
    }
}

void NrCell::Send(DuPacket&& packet)
{
    const int64_t now_ns = ns3::Simulator::Now().GetNanoSeconds();
    AdvanceDu(now_ns);
    if (!m_du.Enqueue(m_network.ues[packet.ue].slice, std::move(packet), now_ns))
    {
        Refuse(packet);
    }
    m_network.wake(NextCompletion_ns());
}

void NrCell::TakeOver(std::vector<DuPacket> packets)
{
    const int64_t now_ns = ns3::Simulator::Now().GetNanoSeconds();
    AdvanceDu(now_ns);
    for (auto& packet : packets)
    {
        if (!m_du.Insert(m_network.ues[packet.ue].slice, std::move(packet), now_ns))
        {
            Refuse(packet);
        }
    }
    m_network.wake(NextCompletion_ns());
}

void NrCell::AdvanceDu(int64_t before_ns)
{
    for (std::size_t slice = 0; slice < m_slices; ++slice)
    {
        m_du.Advance(slice,
                     before_ns,
                     [this](DuPacket&& packet, int64_t complete_ns)
                     { Admit(std::move(packet), complete_ns); });
    }
}

int64_t NrCell::NextCompletion_ns() const
{
    int64_t next_ns = DuQueue::NEVER;
    for (std::size_t slice = 0; slice < m_slices; ++slice)
    {
        next_ns = std::min(next_ns, m_du.NextCompletion_ns(slice));
    }
    return next_ns;
}

void NrCell::Refuse(const DuPacket& packet)
{
    m_network.onDropped(packet.ue, packet.number, *packet.packet);
}

/// The DU has processed a packet: it joins its UE's queue.
void NrCell::Admit(DuPacket&& packet, int64_t now_ns)
{
    auto& ue = m_network.ues[packet.ue];
    auto& counters = m_counters[ue.slice];
    if (!ue.queue.Push(packet.packet, packet.bytes, now_ns, packet.number))
    {
        ++counters.rlcSduDropped;
        Refuse(packet);
        return;
    }
    counters.pdcpSduBits += 8ULL * packet.bytes;
    OnBacklog(packet.ue, now_ns);
}

std::vector<DuPacket> NrCell::Disconnect(uint32_t ue)
{
    const int64_t now_ns = ns3::Simulator::Now().GetNanoSeconds();
    AdvanceDu(now_ns);
    std::erase(m_connected, ue);
    std::erase(m_backlogged, ue);
    auto& state = m_network.ues[ue];
    for (auto& repetitions : m_repetitions)
    {
        std::erase_if(repetitions,
                      [&](uint32_t block)
                      {
                          const bool its = m_blocks[block].ue == ue;
                          if (its)
                          {
                              Lose(m_blocks[block]);
                              Free(block);
                          }
                          return its;
                      });
    }
    for (auto& block : m_blocks)
    {
        if (block.ue == ue)
        {
            if (!block.decoded)
            {
                Lose(block);
            }
            block.ue = NOBODY; // freed when its feedback slot comes
        }
    }
    state.busyProcesses = 0;
    state.counters.cell = -1;
    return m_du.Remove(state.slice, ue, now_ns);
}

void NrCell::OnBacklog(uint32_t ue, int64_t now_ns)
{
    auto& state = m_network.ues[ue];
    if (state.listed)
    {
        return;
    }
    state.listed = true;
    m_backlogged.push_back(ue);
    if (state.activeSince_ns < 0)
    {
        state.activeSince_ns = now_ns;
        state.burstMark_ns = now_ns;
    }
}

/// Gives up what a block carried.
void NrCell::Lose(const Block& block)
{
    m_network.ues[block.ue].queue.OnLost(block.range,
                                         [&](const Sdu& sdu)
                                         { m_network.onLost(block.ue, sdu.number, *sdu.packet); });
}

uint32_t NrCell::NewBlock()
{
    ++m_outstanding;
    if (m_freeBlocks.empty())
    {
        m_blocks.emplace_back();
        return static_cast<uint32_t>(m_blocks.size() - 1);
    }
    const uint32_t block = m_freeBlocks.back();
    m_freeBlocks.pop_back();
    m_blocks[block] = Block{};
    return block;
}

void NrCell::Free(uint32_t block)
{
    if (m_blocks[block].ue != NOBODY)
    {
        --m_network.ues[m_blocks[block].ue].busyProcesses;
    }
    m_blocks[block].ue = NOBODY;
    m_freeBlocks.push_back(block);
    --m_outstanding;
}

NrCell::SlotPlan& NrCell::PlanOf(int64_t slot)
{
    auto& plan = m_plans[static_cast<std::size_t>(slot) % m_plans.size()];
    if (plan.slot != slot)
    {
        plan.slot = slot;
        plan.grants.clear();
        plan.total_w = 0.0;
        std::ranges::fill(plan.owner, NOBODY);
        std::ranges::fill(plan.power_w, 0.0F);
    }
    return plan;
}

const NrCell::SlotPlan* NrCell::FindPlan(int64_t slot) const
{
    const auto& plan = m_plans[static_cast<std::size_t>(slot) % m_plans.size()];
    return plan.slot == slot ? &plan : nullptr;
}

void NrCell::ReadSlices(std::span<SliceCounters> counters) const
{
    const auto& carrier = m_network.config.carrier;
    const int64_t now_ns = ns3::Simulator::Now().GetNanoSeconds();
    m_network.cells[m_index]->AdvanceDu(now_ns);
    const int64_t slots = now_ns / SlotLength_ns(carrier.numerology);
    const auto pattern = static_cast<int64_t>(m_network.slotPattern.size());
    int64_t downlinkSlots = 0;
    for (int64_t i = 0; i < pattern; ++i)
    {
        downlinkSlots += m_network.DataSymbols(i) > 0 ? (slots - i + pattern - 1) / pattern : 0;
    }
    for (std::size_t slice = 0; slice < m_slices; ++slice)
    {
        auto& out = counters[slice];
        const auto& in = m_counters[slice];
        out = in;
        out.prbAvailable = static_cast<uint64_t>(downlinkSlots) * carrier.bandwidth_prb;
        out.duBits = m_du.ProcessedBits(slice);
        out.duBudget_bits = m_network.config.du.compute_bps * now_ns * 1e-9;
        out.bufferBytes = m_du.QueuedBytes(slice);
        if (out.bufferBytes > 0)
        {
            const int64_t oldest_ns = m_du.OldestArrival(slice).GetNanoSeconds();
            out.holDelay_ms = (now_ns - oldest_ns) * 1e-6;
        }
        out.powerBudget_j = std::pow(10.0, carrier.txPower_dbm / 10.0 - 3.0) * now_ns * 1e-9;
    }
    for (const uint32_t index : m_connected)
    {
        const auto& ue = m_network.ues[index];
        auto& out = counters[ue.slice];
        ++out.ues;
        out.bufferBytes += ue.queue.PendingBytes();
        if (ue.activeSince_ns >= 0)
        {
            out.activeUeTime_ms += (now_ns - ue.activeSince_ns) * 1e-6;
        }
        if (ue.queue.HeadArrival_ns() >= 0)
        {
            out.holDelay_ms =
                std::max(out.holDelay_ms, (now_ns - ue.queue.HeadArrival_ns()) * 1e-6);
        }
    }
}

} // namespace slicebridge::nr
