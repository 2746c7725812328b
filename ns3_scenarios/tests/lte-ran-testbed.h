// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TESTS_LTE_RAN_TESTBED_H
#define SLICEBRIDGE_TESTS_LTE_RAN_TESTBED_H

#include "lte/lte-ran.h"

#include "ns3/config.h"
#include "ns3/inet-socket-address.h"
#include "ns3/packet.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/socket.h"
#include "ns3/udp-socket-factory.h"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slicebridge
{

inline constexpr uint16_t PORT = 4000;
/// UDP and IP headers.
inline constexpr uint32_t IP_OVERHEAD_BYTES = 28;

inline LteSliceConfig Slice(const std::string& name, uint8_t fiveQi, float min, float max = 1.0F)
{
    LteSliceConfig config;
    config.slice.name = name;
    config.slice.fiveQi = fiveQi;
    config.slice.policy = {0.0F, min, max};
    return config;
}

/// One static cell with one UE per slice at a constant SINR.
inline LteRanConfig OneCell(std::vector<LteSliceConfig> slices)
{
    LteRanConfig config;
    config.propagation.model = LtePropagationModel::ConstantSinr;
    config.propagation.sinr_db = 20.0;
    config.propagation.jakesFading = false;
    config.mobility.randomWalk = false;
    config.slices = std::move(slices);
    for (uint32_t slice = 0; slice < config.slices.size(); ++slice)
    {
        config.ues.push_back({slice, 0, std::nullopt});
    }
    return config;
}

/// A network with a constant-rate source on the remote host and a counting sink at each UE.
class LteRanTest : public testing::Test
{
  protected:
    struct Flow
    {
        ns3::Ptr<ns3::Socket> source;
        ns3::Ptr<ns3::Socket> sink;
        uint64_t sent{};
        uint64_t received{};
        uint64_t receivedBytes{};
    };

    void TearDown() override
    {
        m_flows.clear();
        ran.reset();
        ns3::Simulator::Destroy();
        ns3::Config::Reset();
    }

    void Build(const LteRanConfig& config)
    {
        ns3::RngSeedManager::SetRun(1);
        SetLteDefaults(config);
        ran = std::make_unique<LteRan>(config);
        ran->SetDropCallback([this](const ns3::Packet& packet, LteDropCause cause)
                             { ++drops[cause]; });
        m_flows.resize(ran->UeCount());
        for (std::size_t ue = 0; ue < ran->UeCount(); ++ue)
        {
            auto& flow = m_flows[ue];
            flow.sink =
                ns3::Socket::CreateSocket(ran->UeNode(ue), ns3::UdpSocketFactory::GetTypeId());
            flow.sink->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), PORT));
            flow.sink->SetRecvCallback(ns3::Callback<void, ns3::Ptr<ns3::Socket>>(
                [&flow](ns3::Ptr<ns3::Socket> socket)
                {
                    while (auto packet = socket->Recv())
                    {
                        ++flow.received;
                        flow.receivedBytes += packet->GetSize();
                    }
                }));
            flow.source =
                ns3::Socket::CreateSocket(ran->RemoteHost(), ns3::UdpSocketFactory::GetTypeId());
            flow.source->Connect(ns3::InetSocketAddress(ran->UeAddress(ue), PORT));
        }
    }

    /// One packet of `bytes` UDP payload every `interval` from now on, until `until`.
    void Send(std::size_t ue, uint32_t bytes, ns3::Time interval, ns3::Time until)
    {
        if (ns3::Simulator::Now() >= until)
        {
            return;
        }
        ++m_flows[ue].sent;
        m_flows[ue].source->Send(ns3::Create<ns3::Packet>(bytes));
        ns3::Simulator::Schedule(interval, [=, this] { Send(ue, bytes, interval, until); });
    }

    void StartAll(ns3::Time at, uint32_t bytes, ns3::Time interval, ns3::Time until)
    {
        for (std::size_t ue = 0; ue < ran->UeCount(); ++ue)
        {
            ns3::Simulator::Schedule(at, [=, this] { Send(ue, bytes, interval, until); });
        }
    }

    void RunUntil(ns3::Time end)
    {
        ns3::Simulator::Stop(end - ns3::Simulator::Now());
        ns3::Simulator::Run();
    }

    std::vector<SliceCounters> Slices(std::size_t cell)
    {
        std::vector<SliceCounters> counters(slices);
        ran->Cell(cell).ReadSlices(counters);
        return counters;
    }

    std::unique_ptr<LteRan> ran;
    std::map<LteDropCause, uint64_t> drops;
    std::size_t slices{1};
    std::vector<Flow> m_flows;
};

} // namespace slicebridge

#endif
