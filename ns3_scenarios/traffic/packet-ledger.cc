// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/packet-ledger.h"

#include "ns3/assert.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <limits>

namespace slicebridge
{

namespace
{

int64_t Now_ns()
{
    return ns3::Simulator::Now().GetNanoSeconds();
}

} // namespace

PacketLedger::PacketLedger(LedgerConfig config)
    : m_config(std::move(config)),
      m_flows(m_config.ueSlice.size()),
      m_totals(m_config.cells * m_config.sliceDelayBudget_ms.size()),
      m_onTheirWay(m_totals.size()),
      m_measured(m_config.sliceDelayBudget_ms.size()),
      m_delays(m_config.sliceDelayBudget_ms.size())
{
}

PacketLedger::~PacketLedger()
{
    m_sweep.Cancel();
    for (auto& flow : m_flows)
    {
        flow.reordering.Cancel();
    }
}

uint64_t* PacketLedger::FateCounter(PacketTotals& totals, PacketFate fate)
{
    switch (fate)
    {
    case PacketFate::Delivered:
        return &totals.delivered;
    case PacketFate::DroppedQueue:
        return &totals.droppedQueue;
    case PacketFate::LostAir:
        return &totals.lostAir;
    case PacketFate::OnItsWay:
        break;
    }
    return nullptr;
}

PacketLedger::Entry* PacketLedger::Find(PacketId id)
{
    Flow& flow = m_flows.at(id.ue);
    if (id.sequence < flow.first || id.sequence >= flow.next)
    {
        return nullptr;
    }
    return &flow.entries[id.sequence - flow.first];
}

/// Index of a cell's slice in tables of them.
std::size_t PacketLedger::Place(std::size_t cell, std::size_t slice) const
{
    return cell * m_measured.size() + slice;
}

std::size_t PacketLedger::PlaceOf(uint32_t ue, const Entry& entry) const
{
    return Place(static_cast<std::size_t>(entry.cell), m_config.ueSlice[ue]);
}

template <typename Change>
void PacketLedger::ChangeTotals(uint32_t ue, const Entry& entry, Change change)
{
    change(m_totals[PlaceOf(ue, entry)]);
    change(m_flows[ue].totals);
    if (entry.measured)
    {
        change(m_measured[m_config.ueSlice[ue]]);
    }
}

PacketId PacketLedger::OnSent(uint32_t ue, std::size_t cell, uint32_t bytes)
{
    NS_ASSERT_MSG(cell < m_config.cells, "no such cell");
    Flow& flow = m_flows.at(ue);
    const Entry entry{.sent_ns = Now_ns(),
                      .delay_ns = -1,
                      .bytes = bytes,
                      .cell = static_cast<int16_t>(cell),
                      .fate = PacketFate::OnItsWay,
                      .measured = m_measuring};
    flow.entries.push_back(entry);
    ++m_onTheirWay[PlaceOf(ue, entry)];
    ChangeTotals(ue,
                 entry,
                 [bytes](PacketTotals& totals)
                 {
                     ++totals.sent;
                     totals.bytesSent += bytes;
                 });
    return {.ue = ue, .sequence = flow.next++};
}

void PacketLedger::SetFate(uint32_t ue, Entry& entry, PacketFate fate)
{
    const PacketFate before = entry.fate;
    if (before == PacketFate::OnItsWay)
    {
        --m_onTheirWay[PlaceOf(ue, entry)];
    }
    const double delay_ms = double(entry.delay_ns) * 1e-6;
    const auto& budget_ms = m_config.sliceDelayBudget_ms[m_config.ueSlice[ue]];
    const bool late = budget_ms && delay_ms > *budget_ms;
    ChangeTotals(ue,
                 entry,
                 [&](PacketTotals& totals)
                 {
                     if (uint64_t* count = FateCounter(totals, before))
                     {
                         --*count;
                     }
                     ++*FateCounter(totals, fate);
                     if (fate == PacketFate::Delivered)
                     {
                         totals.bytesDelivered += entry.bytes;
                         totals.delay_ms += delay_ms;
                         totals.late += late ? 1 : 0;
                     }
                 });
    entry.fate = fate;
}

void PacketLedger::OnDelivered(PacketId id)
{
    OnDelivered(id, Now_ns());
}

void PacketLedger::SetCatchUp(std::function<void()> catchUp)
{
    m_catchUp = std::move(catchUp);
}

void PacketLedger::OnDelivered(PacketId id, int64_t delivered_ns)
{
    Entry* entry = Find(id);
    if (!entry || entry->fate == PacketFate::Delivered)
    {
        return;
    }
    entry->delay_ns = delivered_ns - entry->sent_ns;
    SetFate(id.ue, *entry, PacketFate::Delivered);
    if (entry->measured)
    {
        m_delays[m_config.ueSlice[id.ue]].Add(entry->delay_ns);
    }
    Flow& flow = m_flows[id.ue];
    flow.deliveredBelow = std::max(flow.deliveredBelow, id.sequence + 1);
    Settle(id.ue);
    AwaitReordering(id.ue);
}

void PacketLedger::OnQueueDrop(PacketId id)
{
    m_catchUp();
    Entry* entry = Find(id);
    if (!entry || entry->fate != PacketFate::OnItsWay)
    {
        return;
    }
    SetFate(id.ue, *entry, PacketFate::DroppedQueue);
    Settle(id.ue);
}

void PacketLedger::OnAirLoss(PacketId id)
{
    m_catchUp();
    Entry* entry = Find(id);
    if (!entry || entry->fate != PacketFate::OnItsWay)
    {
        return;
    }
    SetFate(id.ue, *entry, PacketFate::LostAir);
    Settle(id.ue);
}

void PacketLedger::OnQueueDrop(const ns3::Packet& packet)
{
    if (const auto id = FindPacketId(packet))
    {
        OnQueueDrop(*id);
    }
}

void PacketLedger::AwaitReordering(uint32_t ue)
{
    Flow& flow = m_flows[ue];
    if (!m_config.inferAirLosses || !flow.reordering.IsExpired() ||
        flow.settledBelow >= flow.deliveredBelow)
    {
        return;
    }
    flow.horizon = flow.deliveredBelow;
    flow.reordering =
        ns3::Simulator::Schedule(m_config.reordering, &PacketLedger::OnReorderingExpired, this, ue);
}

void PacketLedger::OnReorderingExpired(uint32_t ue)
{
    Flow& flow = m_flows[ue];
    for (uint32_t sequence = flow.settledBelow; sequence < flow.horizon; ++sequence)
    {
        Entry& entry = flow.entries[sequence - flow.first];
        if (entry.fate == PacketFate::OnItsWay)
        {
            SetFate(ue, entry, PacketFate::LostAir);
        }
    }
    Settle(ue);
    AwaitReordering(ue);
}

void PacketLedger::OnQuiet(uint32_t ue)
{
    Flow& flow = m_flows.at(ue);
    const int64_t sentUntil_ns = Now_ns() - m_config.reordering.GetNanoSeconds();
    for (uint32_t sequence = flow.settledBelow; sequence < flow.next; ++sequence)
    {
        Entry& entry = flow.entries[sequence - flow.first];
        if (entry.sent_ns > sentUntil_ns)
        {
            break;
        }
        if (entry.fate == PacketFate::OnItsWay)
        {
            SetFate(ue, entry, PacketFate::LostAir);
        }
    }
    Settle(ue);
}

void PacketLedger::Settle(uint32_t ue)
{
    Flow& flow = m_flows[ue];
    while (flow.settledBelow < flow.next &&
           flow.entries[flow.settledBelow - flow.first].fate != PacketFate::OnItsWay)
    {
        ++flow.settledBelow;
    }
    // Where losses are inferred, a packet held for lost may still arrive.
    const int64_t forgetUntil_ns = m_config.inferAirLosses
                                       ? Now_ns() - m_config.retention.GetNanoSeconds()
                                       : std::numeric_limits<int64_t>::max();
    while (flow.first < flow.settledBelow)
    {
        const Entry& oldest = flow.entries.front();
        if (oldest.fate != PacketFate::Delivered && oldest.sent_ns > forgetUntil_ns)
        {
            break;
        }
        Record(ue, oldest);
        flow.entries.pop_front();
        ++flow.first;
    }
}

void PacketLedger::Watch(const Ran& ran)
{
    m_sweep = ns3::Simulator::Schedule(m_config.reordering, &PacketLedger::Sweep, this, &ran);
}

void PacketLedger::Sweep(const Ran* ran)
{
    m_sweepCounters.assign(m_flows.size(), {});
    ran->ReadUes(m_sweepCounters);
    const double reordering_ms = m_config.reordering.GetSeconds() * 1e3;
    for (uint32_t ue = 0; ue < m_flows.size(); ++ue)
    {
        const auto& counters = m_sweepCounters[ue];
        const bool served = counters.cell >= 0 && counters.timeSinceServed_ms < reordering_ms;
        if (counters.bufferBytes == 0 && !served)
        {
            OnQuiet(ue);
        }
    }
    Watch(*ran);
}

void PacketLedger::StartMeasurement()
{
    m_measuring = true;
}

void PacketLedger::SetRecordSink(std::function<void(const PacketRecord&)> sink)
{
    m_sink = std::move(sink);
}

void PacketLedger::Record(uint32_t ue, const Entry& entry) const
{
    if (m_sink && entry.measured)
    {
        m_sink({.sent_ns = entry.sent_ns,
                .delay_ns = entry.delay_ns,
                .ue = ue,
                .slice = m_config.ueSlice[ue],
                .cell = entry.cell,
                .bytes = entry.bytes,
                .fate = entry.fate});
    }
}

void PacketLedger::Close()
{
    m_catchUp();
    for (uint32_t ue = 0; ue < m_flows.size(); ++ue)
    {
        Flow& flow = m_flows[ue];
        for (const auto& entry : flow.entries)
        {
            Record(ue, entry);
        }
        flow.entries.clear();
        flow.first = flow.settledBelow = flow.next;
        flow.reordering.Cancel();
    }
}

const DelayHistogram& PacketLedger::Delays(std::size_t slice) const
{
    m_catchUp();
    return m_delays.at(slice);
}

const PacketTotals& PacketLedger::Measured(std::size_t slice) const
{
    m_catchUp();
    return m_measured.at(slice);
}

void PacketLedger::CompleteSlices(std::size_t cell, std::span<SliceCounters> slices) const
{
    m_catchUp();
    for (std::size_t slice = 0; slice < slices.size(); ++slice)
    {
        auto& counters = slices[slice];
        const PacketTotals& totals = m_totals.at(Place(cell, slice));
        counters.packetsSent = totals.sent;
        counters.packetsDelivered = totals.delivered;
        counters.packetsDroppedQueue = totals.droppedQueue;
        counters.packetsLostAir = totals.lostAir;
        counters.packetsLate = totals.late;
        counters.bytesSent = totals.bytesSent;
        counters.bytesDelivered = totals.bytesDelivered;
        counters.packetDelay_ms = totals.delay_ms;
        counters.packetsQueued = m_onTheirWay[Place(cell, slice)];
    }
}

void PacketLedger::CompleteUes(std::span<UeCounters> ues) const
{
    m_catchUp();
    for (std::size_t ue = 0; ue < ues.size(); ++ue)
    {
        auto& counters = ues[ue];
        const PacketTotals& totals = m_flows.at(ue).totals;
        counters.bytesSent = totals.bytesSent;
        counters.bytesDelivered = totals.bytesDelivered;
        counters.packetsSent = totals.sent;
        counters.packetsDelivered = totals.delivered;
        counters.packetsLost = totals.droppedQueue + totals.lostAir;
        counters.packetsLate = totals.late;
        counters.packetDelay_ms = totals.delay_ms;
    }
}

} // namespace slicebridge
