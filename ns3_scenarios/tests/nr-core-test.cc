// SPDX-License-Identifier: GPL-2.0-only
//
// The IP core in front of NR cells: plain UDP sockets at the remote host and at UEs.
#include "nr-ran-testbed.h"
#include "nr/ip-core.h"

#include "ns3/inet-socket-address.h"
#include "ns3/socket.h"
#include "ns3/udp-socket-factory.h"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slicebridge::nr::testing
{
namespace
{

constexpr uint16_t PORT = 4000;

struct Reception
{
    int64_t time_ns;
    std::string payload;
    ns3::InetSocketAddress from;
};

ns3::Ptr<ns3::Socket> UdpSocket(ns3::Ptr<ns3::Node> node)
{
    return ns3::Socket::CreateSocket(node, ns3::UdpSocketFactory::GetTypeId());
}

/// A network with its core, a socket at the host, and what the sockets of UEs received.
class CoreBed
{
  public:
    CoreBed(const NrRanConfig& config, ns3::Time delay)
        : received(config.ues.size()),
          m_ran((ns3::RngSeedManager::SetRun(1), std::make_unique<NrRan>(config))),
          m_core(std::make_unique<IpCore>(*m_ran, delay)),
          m_sender(UdpSocket(m_core->RemoteHost()))
    {
        m_ran->SetDropCallback([this](uint32_t, uint32_t, const ns3::Packet&) { ++dropped; });
        m_ran->SetLossCallback([this](uint32_t, uint32_t, const ns3::Packet&) { ++lost; });
        for (uint32_t ue = 0; ue < config.ues.size(); ++ue)
        {
            const auto socket = UdpSocket(m_ran->UeNode(ue));
            socket->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), PORT));
            socket->SetRecvCallback(ns3::MakeCallback(&CoreBed::OnReceive, this));
            m_ueOf[socket] = ue;
        }
    }

    ~CoreBed()
    {
        m_core.reset();
        m_ran.reset();
        ns3::Simulator::Destroy();
    }

    CoreBed(const CoreBed&) = delete;
    CoreBed& operator=(const CoreBed&) = delete;

    NrRan& Ran()
    {
        return *m_ran;
    }

    IpCore& Core()
    {
        return *m_core;
    }

    void SendTo(ns3::Ipv4Address address, const std::string& payload)
    {
        const auto* bytes = reinterpret_cast<const uint8_t*>(payload.data());
        m_sender->SendTo(ns3::Create<ns3::Packet>(bytes, static_cast<uint32_t>(payload.size())),
                         0,
                         ns3::InetSocketAddress(address, PORT));
    }

    void SendAt(int64_t at_ns, uint32_t ue, std::string payload)
    {
        ns3::Simulator::ScheduleWithContext(m_core->RemoteHost()->GetId(),
                                            ns3::NanoSeconds(at_ns),
                                            [this, ue, text = std::move(payload)]
                                            { SendTo(m_core->UeAddress(ue), text); });
    }

    void Run(double seconds)
    {
        ns3::Simulator::Stop(ns3::Seconds(seconds));
        ns3::Simulator::Run();
    }

    std::vector<std::vector<Reception>> received; ///< [ue]
    uint64_t dropped{};
    uint64_t lost{};

  private:
    void OnReceive(ns3::Ptr<ns3::Socket> socket)
    {
        ns3::Address from;
        while (const auto packet = socket->RecvFrom(from))
        {
            std::string payload(packet->GetSize(), '\0');
            packet->CopyData(reinterpret_cast<uint8_t*>(payload.data()), packet->GetSize());
            received[m_ueOf.at(socket)].push_back({ns3::Simulator::Now().GetNanoSeconds(),
                                                   payload,
                                                   ns3::InetSocketAddress::ConvertFrom(from)});
        }
    }

    std::unique_ptr<NrRan> m_ran;
    std::unique_ptr<IpCore> m_core;
    ns3::Ptr<ns3::Socket> m_sender;
    std::map<ns3::Ptr<ns3::Socket>, uint32_t> m_ueOf;
};

TEST(NrCore, WhatTheHostSendsComesOutOfTheUesSocket)
{
    auto config = ConstantSinr(20.0);
    config.ues.resize(3, config.ues[0]);
    CoreBed bed(config, ns3::MilliSeconds(0));
    bed.SendAt(1'000'000, 2, "the third device's");
    bed.SendAt(1'000'000, 0, std::string(1400, 'x'));
    bed.Run(0.1);
    ASSERT_EQ(bed.received[2].size(), 1U);
    EXPECT_EQ(bed.received[2][0].payload, "the third device's");
    EXPECT_EQ(bed.received[2][0].from.GetIpv4(), ns3::Ipv4Address("1.0.0.2"));
    ASSERT_EQ(bed.received[0].size(), 1U);
    EXPECT_EQ(bed.received[0][0].payload, std::string(1400, 'x'));
    EXPECT_TRUE(bed.received[1].empty());
}

/// A packet takes the link's delay and its own transmission at 100 Gbit/s, 30 bytes of UDP, IP and
/// PPP headers included; after it the network does what it does with a packet that came then.
TEST(NrCore, AddsTheDelayOfItsLinkAndNothingElse)
{
    constexpr uint32_t PAYLOAD_BYTES = 970; // 1000 bytes on the link: 80 ns
    constexpr int64_t CORE_NS = 7'300'080;
    const auto config = ConstantSinr(9.0);
    std::vector<int64_t> arrivals_ns;
    {
        CoreBed bed(config, ns3::MicroSeconds(7300));
        for (int k = 0; k < 200; ++k)
        {
            bed.SendAt(10'000'000LL * k + 2'503LL * k, 0, std::string(PAYLOAD_BYTES, 'x'));
        }
        bed.Run(2.2);
        for (const auto& reception : bed.received[0])
        {
            arrivals_ns.push_back(reception.time_ns);
        }
    }
    Testbed bed(config);
    for (int k = 0; k < 200; ++k)
    {
        bed.SendAt(1e-3 * static_cast<double>(10'000'000LL * k + 2'503LL * k + CORE_NS),
                   0,
                   PAYLOAD_BYTES);
    }
    bed.Run(2.2);
    ASSERT_EQ(arrivals_ns.size(), 200U);
    ASSERT_EQ(bed.delays_us.size(), 200U);
    for (int k = 0; k < 200; ++k)
    {
        const double expected_ns =
            10'000'000.0 * k + 2'503.0 * k + CORE_NS + 1e3 * bed.delays_us[k];
        EXPECT_NEAR(static_cast<double>(arrivals_ns[k]), expected_ns, 2.0) << k;
    }
}

TEST(NrCore, FollowsUesAcrossHandoverAndLosesNoPacketFromTheAccounts)
{
    auto config = ConstantSinr(0.0);
    config.propagation.model = PropagationModel::Uma;
    config.propagation.fading = TdlModel::C;
    config.sites.count = 7;
    config.sites.interSiteDistance_m = 200.0;
    config.mobility = {.randomWalk = true,
                       .minSpeed_mps = 30.0,
                       .maxSpeed_mps = 40.0,
                       .height_m = 1.5};
    config.ues.resize(6, config.ues[0]);
    CoreBed bed(config, ns3::MilliSeconds(2));
    constexpr uint64_t PACKETS = 24'000;
    for (uint64_t k = 0; k < PACKETS; ++k)
    {
        const auto ue = static_cast<uint32_t>(k % 6);
        bed.SendAt(500'000LL * static_cast<int64_t>(k), ue, std::to_string(k));
    }
    bed.Run(13.0);
    uint64_t delivered = 0;
    for (uint32_t ue = 0; ue < 6; ++ue)
    {
        std::set<std::string> seen;
        for (const auto& reception : bed.received[ue])
        {
            EXPECT_EQ(std::stoul(reception.payload) % 6, ue);
            EXPECT_TRUE(seen.insert(reception.payload).second) << "delivered twice";
        }
        delivered += seen.size();
    }
    EXPECT_GE(bed.Ran().Handovers(), 3U);
    EXPECT_EQ(delivered + bed.dropped + bed.lost, PACKETS);
    EXPECT_GT(delivered, PACKETS * 9 / 10);
}

TEST(NrCore, PacketsForNobodyReachNobody)
{
    auto config = ConstantSinr(20.0);
    CoreBed bed(config, ns3::MilliSeconds(0));
    for (const char* address : {"7.0.0.3", "7.255.0.1", "8.0.0.1"})
    {
        ns3::Simulator::ScheduleWithContext(bed.Core().RemoteHost()->GetId(),
                                            ns3::MilliSeconds(1),
                                            [&bed, address]
                                            { bed.SendTo(ns3::Ipv4Address(address), "lost"); });
    }
    bed.SendAt(2'000'000, 0, "found");
    bed.Run(0.1);
    ASSERT_EQ(bed.received[0].size(), 1U);
    EXPECT_EQ(bed.received[0][0].payload, "found");
}

} // namespace
} // namespace slicebridge::nr::testing
