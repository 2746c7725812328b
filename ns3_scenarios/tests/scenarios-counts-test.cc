// SPDX-License-Identifier: GPL-2.0-only
//
// The recorded counters against a count that shares nothing with them: ns-3's own trace sources of
// the IP layer, at the remote host and at the UEs. Slices are told apart by packet size.
#include "program.h"
#include "scenario-builder.h"
#include "scenarios/simulation.h"

#include "ns3/config.h"
#include "ns3/ipv4-header.h"
#include "ns3/ipv4.h"
#include "ns3/simulator.h"
#include "ns3/udp-header.h"

#include <gtest/gtest.h>
#include <map>

namespace slicebridge
{
namespace
{

constexpr uint32_t UDP_HEADER_BYTES = 8;

struct IpCount
{
    double sent{};
    double received{};
    double delay_ms{};
};

/// By UDP payload.
std::map<uint32_t, IpCount> g_counts;

void OnSend(const ns3::Ipv4Header&, ns3::Ptr<const ns3::Packet> packet, uint32_t)
{
    ++g_counts[packet->GetSize() - UDP_HEADER_BYTES].sent;
}

void OnReceive(const ns3::Ipv4Header&, ns3::Ptr<const ns3::Packet> packet, uint32_t)
{
    const auto payload = packet->Copy();
    ns3::UdpHeader udp;
    payload->RemoveHeader(udp);
    TrafficHeader header;
    payload->PeekHeader(header);
    auto& count = g_counts[payload->GetSize()];
    ++count.received;
    count.delay_ms += double(ns3::Simulator::Now().GetNanoSeconds() - header.Sent_ns()) * 1e-6;
}

/// Networks that packets cross by IP.
class ScenariosCounts : public ::testing::TestWithParam<Network>
{
};

INSTANTIATE_TEST_SUITE_P(Networks,
                         ScenariosCounts,
                         ::testing::Values(LTE, NR_THROUGH_IP),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(ScenariosCounts, RecordedPacketsAreThoseOfTheIpLayer)
{
    TemporaryDirectory directory;
    g_counts.clear();
    auto json = GetParam().Scenario();
    json["timing"]["duration_s"] = 2.0;
    json["du"]["compute_bps"] = 10e6;
    for (auto& slice : json["slices"])
    {
        slice["traffic"]["load"] = SilentWarmUp();
        slice["traffic"]["rate_mbps"] = 2.5;
    }
    const auto out = directory / "out";
    CommandLineOptions options;
    options.out = out.string();
    const auto scenario = ParseScenario(json, "test");
    Simulation simulation(scenario, options);
    ns3::Config::ConnectWithoutContext("/NodeList/*/$ns3::Ipv4L3Protocol/SendOutgoing",
                                       ns3::MakeCallback(&OnSend));
    ns3::Config::ConnectWithoutContext("/NodeList/*/$ns3::Ipv4L3Protocol/LocalDeliver",
                                       ns3::MakeCallback(&OnReceive));
    ASSERT_EQ(simulation.Run(), 0);

    std::map<double, IpCount> recorded;
    for (const auto& row : ReadRecords(out / "slices.raw"))
    {
        auto& count = recorded[row.at("slice")];
        count.sent += row.at("x.packets_sent");
        count.received += row.at("x.packets_delivered");
        count.delay_ms += row.at("x.packets_delivered") * row.at("x.packet_delay_ms");
    }
    const std::map<double, uint32_t> payload{{0, 1200}, {1, 200}};
    for (const auto& [slice, bytes] : payload)
    {
        const auto& counted = g_counts[bytes];
        EXPECT_GT(counted.sent, 500.0);
        EXPECT_EQ(recorded[slice].sent, counted.sent);
        EXPECT_EQ(recorded[slice].received, counted.received);
        // Recorded means are in single precision.
        EXPECT_NEAR(recorded[slice].delay_ms, counted.delay_ms, 1e-5 * counted.delay_ms);
    }
}

} // namespace
} // namespace slicebridge
