// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/traffic-network.h"

#include "traffic/arrival-process.h"
#include "traffic/load.h"
#include "traffic/traffic-sink.h"

#include "ns3/inet-socket-address.h"
#include "ns3/simulator.h"
#include "ns3/udp-socket-factory.h"

namespace slicebridge
{

namespace
{

uint32_t ArrivalBytes(const TrafficConfig& config)
{
    const auto* file = std::get_if<Ftp3Traffic>(&config.model);
    return file ? file->file_bytes : config.packet_bytes;
}

std::shared_ptr<Load> UeLoad(const TrafficConfig& config,
                             std::shared_ptr<Load> sliceLoad,
                             uint32_t ue)
{
    if (const auto* video = std::get_if<OnOffTraffic>(&config.model))
    {
        return MakeOnOffLoad(std::move(sliceLoad), video->onMean_s, video->offMean_s, ue);
    }
    return sliceLoad;
}

} // namespace

TrafficNetwork::TrafficNetwork(TrafficParts parts)
    : m_parts(std::move(parts)),
      m_lastCell(m_parts.ueSlice.size(), -1)
{
    for (uint32_t slice = 0; slice < m_parts.slices.size(); ++slice)
    {
        m_loads.push_back(MakeLoad(m_parts.slices[slice].load, slice));
    }
    for (uint32_t ue = 0; ue < m_parts.ueSlice.size(); ++ue)
    {
        const uint32_t slice = m_parts.ueSlice[ue];
        const TrafficConfig& config = m_parts.slices.at(slice);
        auto source = ns3::CreateObject<TrafficSource>(TrafficSource::Parts{
            .arrivals = MakeArrivalProcess(config, ue),
            .load = UeLoad(config, m_loads[slice], ue),
            .packet_bytes = config.packet_bytes,
            .arrival_bytes = ArrivalBytes(config),
            .admit = [this, ue](uint32_t bytes) { return Admit(ue, bytes); },
            .outlet = m_parts.outlets.at(ue),
        });
        source->SetStartTime(ns3::Seconds(0));
        m_parts.host->AddApplication(source);
        m_sources.push_back(source);
    }
}

void TrafficNetwork::Enable()
{
    m_enabled = true;
}

void TrafficNetwork::StartProfiles()
{
    for (const auto& source : m_sources)
    {
        source->BeforeLoadChange();
    }
    for (const auto& load : m_loads)
    {
        load->SetOrigin(ns3::Simulator::Now().GetSeconds());
    }
    for (const auto& source : m_sources)
    {
        source->AfterLoadChange();
    }
}

std::optional<PacketId> TrafficNetwork::Admit(uint32_t ue, uint32_t bytes)
{
    if (!m_enabled)
    {
        return std::nullopt;
    }
    if (const int32_t cell = m_parts.cellOf(ue); cell >= 0)
    {
        m_lastCell[ue] = cell;
    }
    if (m_lastCell[ue] < 0)
    {
        return std::nullopt;
    }
    return m_parts.ledger.OnSent(ue, static_cast<std::size_t>(m_lastCell[ue]), bytes);
}

std::vector<PacketOutlet> MakeUdpOutlets(ns3::Ptr<ns3::Node> host,
                                         const std::vector<ns3::Ipv4Address>& ueAddresses,
                                         PacketLedger& ledger)
{
    const auto socket = ns3::Socket::CreateSocket(host, ns3::UdpSocketFactory::GetTypeId());
    socket->Bind();
    socket->ShutdownRecv();
    std::vector<PacketOutlet> outlets;
    for (const auto& address : ueAddresses)
    {
        const ns3::InetSocketAddress destination(address, TRAFFIC_PORT);
        outlets.emplace_back(
            [socket, destination, &ledger](ns3::Ptr<ns3::Packet> packet)
            {
                TagTrafficPacket(*packet);
                if (socket->SendTo(packet, 0, destination) < 0)
                {
                    ledger.OnQueueDrop(*packet);
                }
            });
    }
    return outlets;
}

void InstallSink(ns3::Ptr<ns3::Node> ueNode, PacketLedger& ledger)
{
    auto sink = ns3::CreateObject<TrafficSink>(TRAFFIC_PORT,
                                               [&ledger](PacketId id) { ledger.OnDelivered(id); });
    sink->SetStartTime(ns3::Seconds(0));
    ueNode->AddApplication(sink);
}

} // namespace slicebridge
