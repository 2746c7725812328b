// SPDX-License-Identifier: GPL-2.0-only
#include "nr/nr-ran.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace slicebridge::nr
{

namespace
{

/// Event A3 (TS 38.331, 5.5.4.4): a neighbour is better by the hysteresis for the time to trigger.
constexpr float HYSTERESIS = 2.0F; ///< 3 dB
constexpr uint16_t MEASUREMENTS_TO_TRIGGER = 4;
const ns3::Time MEASUREMENT_PERIOD = ns3::MilliSeconds(40);

} // namespace

NrRan::NrRan(NrRanConfig config)
    : m_network((ValidateNrRanConfig(config), std::move(config))),
      m_betterFor(m_network.ues.size())
{
    m_network.onDropped = [](uint32_t, uint32_t, const ns3::Packet&) {};
    m_network.wake = [this](int64_t after_ns) { Wake(after_ns); };
    m_network.onLost = [](uint32_t, uint32_t, const ns3::Packet&) {};
    m_deliver = [](uint32_t, uint32_t, const ns3::Packet&, int64_t) {};
    for (std::size_t cell = 0; cell < m_network.config.sites.count; ++cell)
    {
        m_cells.push_back(std::make_unique<NrCell>(m_network, cell));
        m_network.cells.push_back(m_cells.back().get());
    }
    ConnectStrongest();
    if (m_cells.size() > 1 && m_network.config.sites.handover)
    {
        m_measurement =
            ns3::Simulator::Schedule(MEASUREMENT_PERIOD, &NrRan::MeasureForHandover, this);
    }
}

NrRan::~NrRan()
{
    m_slot.Cancel();
    m_measurement.Cancel();
}

std::size_t NrRan::CellCount() const
{
    return m_cells.size();
}

RanCell& NrRan::Cell(std::size_t index)
{
    return *m_cells.at(index);
}

bool NrRan::AllUesConnected() const
{
    return true;
}

std::size_t NrRan::UeCount() const
{
    return m_network.ues.size();
}

ns3::Ptr<ns3::Node> NrRan::UeNode(std::size_t ue) const
{
    return m_network.environment.UeNode(ue);
}

int32_t NrRan::ServingCell(std::size_t ue) const
{
    return m_network.ues.at(ue).counters.cell;
}

uint64_t NrRan::Handovers() const
{
    return m_handovers;
}

void NrRan::SetDeliveryCallback(PacketCallback callback)
{
    m_deliver = [callback = std::move(
                     callback)](uint32_t ue, uint32_t number, const ns3::Packet& packet, int64_t)
    { callback(ue, number, packet); };
    m_deliverOnTime = true;
}

void NrRan::SetLateDeliveryCallback(DeliveryCallback callback)
{
    m_deliver = std::move(callback);
    m_deliverOnTime = false;
}

void NrRan::SetDropCallback(PacketCallback callback)
{
    m_network.onDropped = std::move(callback);
}

void NrRan::SetLossCallback(PacketCallback callback)
{
    m_network.onLost = std::move(callback);
}

void NrRan::SetSlotObserver(SlotObserver* observer)
{
    m_network.observer = observer;
}

/// Cell selection by RSRP at the start.
void NrRan::ConnectStrongest()
{
    const auto& environment = m_network.environment;
    for (uint32_t ue = 0; ue < m_network.ues.size(); ++ue)
    {
        std::size_t strongest = 0;
        for (std::size_t cell = 1; cell < m_cells.size(); ++cell)
        {
            if (environment.MeanGain(ue, cell) > environment.MeanGain(ue, strongest))
            {
                strongest = cell;
            }
        }
        m_cells[strongest]->Connect(ue);
    }
}

void NrRan::MeasureForHandover()
{
    const auto& environment = m_network.environment;
    for (uint32_t ue = 0; ue < m_network.ues.size(); ++ue)
    {
        const auto serving = static_cast<std::size_t>(ServingCell(ue));
        std::size_t best = serving;
        for (std::size_t cell = 0; cell < m_cells.size(); ++cell)
        {
            if (environment.MeanGain(ue, cell) > environment.MeanGain(ue, best))
            {
                best = cell;
            }
        }
        const bool better =
            environment.MeanGain(ue, best) > HYSTERESIS * environment.MeanGain(ue, serving);
        m_betterFor[ue] = better ? m_betterFor[ue] + 1U : 0U;
        if (m_betterFor[ue] >= MEASUREMENTS_TO_TRIGGER)
        {
            auto unprocessed = m_cells[serving]->Disconnect(ue);
            m_cells[best]->Connect(ue);
            m_cells[best]->TakeOver(std::move(unprocessed));
            m_betterFor[ue] = 0;
            ++m_handovers;
        }
    }
    m_measurement = ns3::Simulator::Schedule(MEASUREMENT_PERIOD, &NrRan::MeasureForHandover, this);
}

void NrRan::Send(uint32_t ue, ns3::Ptr<ns3::Packet> packet, uint32_t bytes, uint32_t number)
{
    m_cells[static_cast<std::size_t>(ServingCell(ue))]->Send(
        {std::move(packet), ue, bytes, ns3::Simulator::Now(), number});
}

/// There is to be a slot at the first beginning of one after a time, if not before; a packet that
/// is ready as a slot begins waits for the next.
void NrRan::Wake(int64_t after_ns)
{
    if (after_ns == DuQueue::NEVER || m_slot_ns <= after_ns)
    {
        return;
    }
    const int64_t length_ns = SlotLength_ns(m_network.config.carrier.numerology);
    const int64_t next_ns = (after_ns / length_ns + 1) * length_ns;
    if (m_slot_ns <= next_ns)
    {
        return;
    }
    m_slot.Cancel();
    m_slot_ns = next_ns;
    const auto wait = ns3::NanoSeconds(next_ns) - ns3::Simulator::Now();
    m_slot = ns3::Simulator::Schedule(wait, [this] { Slot(); });
}

void NrRan::Slot()
{
    const int64_t now_ns = ns3::Simulator::Now().GetNanoSeconds();
    const int64_t slot = now_ns / SlotLength_ns(m_network.config.carrier.numerology);
    m_slot_ns = DuQueue::NEVER;
    CatchUp();
    const std::size_t underWay = m_deliveries.size();
    for (auto& cell : m_cells)
    {
        cell->AdvanceDu(now_ns);
        cell->OnFeedback(slot);
        cell->Decide(slot);
    }
    for (auto& cell : m_cells)
    {
        cell->Transmit(slot, m_deliveries);
    }
    int64_t next_ns = DuQueue::NEVER;
    for (auto& cell : m_cells)
    {
        cell->UpdateMeanPower(slot);
        next_ns = std::min(next_ns, cell->Busy() ? now_ns : cell->NextCompletion_ns());
    }
    if (m_deliverOnTime && m_deliveries.size() > underWay)
    {
        const auto wait = ns3::NanoSeconds(m_network.ReceptionTime_ns(slot) - now_ns);
        ns3::Simulator::Schedule(wait, &NrRan::CatchUp, this);
    }
    Wake(next_ns);
}

void NrRan::CatchUp()
{
    if (m_deliveries.empty())
    {
        return;
    }
    const int64_t now_ns = ns3::Simulator::Now().GetNanoSeconds();
    std::size_t done = 0;
    while (done < m_deliveries.size() && m_deliveries[done].complete_ns <= now_ns)
    {
        const auto& [complete_ns, ue, number, packet] = m_deliveries[done++];
        m_deliver(ue, number, *packet, complete_ns);
    }
    m_deliveries.erase(m_deliveries.begin(),
                       m_deliveries.begin() + static_cast<std::ptrdiff_t>(done));
}

void NrRan::ApplyUeControls(std::span<const UeControl> ues)
{
    for (std::size_t i = 0; i < ues.size(); ++i)
    {
        auto& ue = m_network.ues[i];
        ue.weight = ues[i].weight;
        if (ue.powerOffset_db != ues[i].powerOffset_db)
        {
            ue.powerOffset_db = ues[i].powerOffset_db;
            ue.powerFactor = static_cast<float>(std::pow(10.0, ue.powerOffset_db / 10.0));
        }
    }
}

void NrRan::ReadUes(std::span<UeCounters> counters) const
{
    const int64_t now_ns = ns3::Simulator::Now().GetNanoSeconds();
    const int64_t length_ns = SlotLength_ns(m_network.config.carrier.numerology);
    for (const auto& cell : m_cells)
    {
        cell->AdvanceDu(now_ns);
    }
    for (std::size_t i = 0; i < counters.size(); ++i)
    {
        const auto& ue = m_network.ues[i];
        auto& out = counters[i];
        out.cell = ue.counters.cell;
        out.prbUsed = ue.counters.prbUsed;
        out.tb = ue.counters.tb;
        out.tbError = ue.counters.tbError;
        out.cqi = ue.counters.cqi;
        out.spectralEfficiency = ue.counters.spectralEfficiency;
        const auto& du = m_cells[static_cast<std::size_t>(ue.counters.cell)]->Du();
        const auto index = static_cast<uint32_t>(i);
        const uint64_t duBytes = du.QueuedBytes(ue.slice, index);
        out.bufferBytes = ue.queue.PendingBytes() + duBytes;
        // Queues are in order: what waits at the RLC is older than what waits in the DU.
        int64_t head_ns = ue.queue.HeadArrival_ns();
        if (head_ns < 0 && duBytes > 0)
        {
            head_ns = du.OldestArrival(ue.slice, index).GetNanoSeconds();
        }
        out.holDelay_ms = head_ns < 0 ? 0.0 : (now_ns - head_ns) * 1e-6;
        const auto idle = static_cast<double>(now_ns / length_ns - ue.averageSlot);
        out.ewmaThroughput_bps = NrCell::DecayedRate_bps(ue.averageRate_bps, idle);
        out.timeSinceServed_ms = (now_ns - ue.servedSlot * length_ns) * 1e-6;
        out.weight = ue.weight;
        out.powerOffset_db = ue.powerOffset_db;
    }
}

} // namespace slicebridge::nr
