// SPDX-License-Identifier: GPL-2.0-only
#include "lte-ran-testbed.h"

#include "ns3/lte-radio-bearer-info.h"
#include "ns3/lte-rlc-am.h"
#include "ns3/lte-ue-net-device.h"
#include "ns3/lte-ue-rrc.h"
#include "ns3/object-map.h"

#include <array>
#include <cmath>
#include <gtest/gtest.h>

namespace slicebridge
{
namespace
{

TEST_F(LteRanTest, AllUesConnectAndEveryPacketArrivesOnAnIdleCell)
{
    slices = 3;
    Build(OneCell({Slice("embb", 9, 0.4F), Slice("urllc", 82, 0.3F), Slice("mmtc", 8, 0.3F)}));
    EXPECT_FALSE(ran->AllUesConnected());
    EXPECT_EQ(ran->ServingCell(0), -1);
    StartAll(ns3::MilliSeconds(500), 500, ns3::MilliSeconds(10), ns3::Seconds(1.5));
    RunUntil(ns3::MilliSeconds(400));
    EXPECT_TRUE(ran->AllUesConnected());
    RunUntil(ns3::Seconds(2));
    for (std::size_t ue = 0; ue < 3; ++ue)
    {
        EXPECT_EQ(ran->ServingCell(ue), 0);
        EXPECT_EQ(m_flows[ue].sent, 100U);
        EXPECT_EQ(m_flows[ue].received, 100U) << "UE " << ue;
    }
    EXPECT_TRUE(drops.empty());
}

TEST_F(LteRanTest, EachSliceHasItsRlcMode)
{
    slices = 2;
    auto config = OneCell({Slice("um", 9, 0.5F), Slice("am", 9, 0.5F)});
    config.slices[1].rlc = LteRlcMode::Acknowledged;
    Build(config);
    StartAll(ns3::MilliSeconds(300), 1200, ns3::MilliSeconds(5), ns3::Seconds(1));
    RunUntil(ns3::Seconds(1.2));
    for (std::size_t ue = 0; ue < 2; ++ue)
    {
        ns3::ObjectMapValue bearers;
        ns3::DynamicCast<ns3::LteUeNetDevice>(ran->UeNode(ue)->GetDevice(0))
            ->GetRrc()
            ->GetAttribute("DataRadioBearerMap", bearers);
        ASSERT_EQ(bearers.GetN(), 1U);
        const auto rlc =
            ns3::DynamicCast<ns3::LteDataRadioBearerInfo>(bearers.Begin()->second)->m_rlc;
        EXPECT_EQ(ns3::DynamicCast<ns3::LteRlcAm>(rlc) != nullptr, ue == 1);
        EXPECT_EQ(m_flows[ue].received, m_flows[ue].sent);
        EXPECT_EQ(Slices(0)[ue].rlcSdu, m_flows[ue].sent);
    }
}

TEST_F(LteRanTest, ComputeShareLimitsThroughput)
{
    slices = 2;
    auto config = OneCell({Slice("a", 9, 0.5F), Slice("b", 9, 0.5F)});
    config.du = {.compute_bps = 8e6, .overhead_bytes = 40, .queue_packets = 50};
    Build(config);
    const std::vector<SliceControl> controls{{{0.0F, 0.5F, 1.0F}, 0.25F, 0.5F},
                                             {{0.0F, 0.5F, 1.0F}, 0.75F, 0.5F}};
    ran->Cell(0).ApplySliceControls(controls);
    constexpr uint32_t PAYLOAD = 1000;
    StartAll(ns3::MilliSeconds(300), PAYLOAD, ns3::MilliSeconds(1), ns3::Seconds(4));
    RunUntil(ns3::Seconds(1));
    const auto before = Slices(0);
    const std::array<uint64_t, 2> receivedBefore{m_flows[0].received, m_flows[1].received};
    RunUntil(ns3::Seconds(3));
    const auto after = Slices(0);
    for (std::size_t ue = 0; ue < 2; ++ue)
    {
        const double expected_bps = 8e6 * (ue == 0 ? 0.25 : 0.75);
        const auto packets = static_cast<double>(m_flows[ue].received - receivedBefore[ue]);
        const double processed_bps =
            packets * 8.0 * (PAYLOAD + IP_OVERHEAD_BYTES + config.du.overhead_bytes) / 2.0;
        EXPECT_NEAR(processed_bps / expected_bps, 1.0, 0.02) << "slice " << ue;
        EXPECT_NEAR((after[ue].duBits - before[ue].duBits) / 2.0 / expected_bps, 1.0, 0.02);
        EXPECT_DOUBLE_EQ(after[ue].duBudget_bits - before[ue].duBudget_bits, 16e6);
        EXPECT_GT(after[ue].holDelay_ms, 0.0);
    }
    RunUntil(ns3::Seconds(6));
    EXPECT_EQ(m_flows[0].sent + m_flows[1].sent,
              m_flows[0].received + m_flows[1].received + drops[LteDropCause::DuQueue]);
    EXPECT_EQ(drops.size(), 1U);
}

TEST_F(LteRanTest, PowerShareChangesLevelLinkQualityAndEnergy)
{
    slices = 2;
    auto config = OneCell({Slice("weak", 9, 0.5F, 0.5F), Slice("strong", 9, 0.5F, 0.5F)});
    config.propagation.sinr_db = 10.0;
    Build(config);
    StartAll(ns3::MilliSeconds(300), 1200, ns3::MicroSeconds(1500), ns3::Seconds(3));
    RunUntil(ns3::Seconds(1));
    std::vector<UeCounters> even(2);
    ran->ReadUes(even);
    EXPECT_EQ(even[0].cqi, even[1].cqi);
    // 0.15 / 0.5 is -5.2 dB: level -6 dB. 0.8 / 0.5 is 2.04 dB: level 2 dB.
    const std::vector<SliceControl> controls{{{0.0F, 0.5F, 0.5F}, 0.5F, 0.15F},
                                             {{0.0F, 0.5F, 0.5F}, 0.5F, 0.8F}};
    ran->Cell(0).ApplySliceControls(controls);
    RunUntil(ns3::Seconds(1.1));
    const auto before = Slices(0);
    RunUntil(ns3::Seconds(2));
    const auto after = Slices(0);
    std::vector<UeCounters> uneven(2);
    ran->ReadUes(uneven);
    EXPECT_LT(uneven[0].cqi, even[0].cqi);
    EXPECT_GT(uneven[1].cqi, even[1].cqi);
    const double budget_w = std::pow(10.0, (config.carrier.txPower_dbm - 30.0) / 10.0);
    const std::array gains{std::pow(10.0, -0.6), std::pow(10.0, 0.2)};
    double energy_j = 0.0;
    for (std::size_t slice = 0; slice < 2; ++slice)
    {
        const auto prb = static_cast<double>(after[slice].prbUsed - before[slice].prbUsed);
        ASSERT_GT(prb, 0.0);
        const double slice_j = after[slice].energy_j - before[slice].energy_j;
        EXPECT_NEAR(slice_j, prb * budget_w / 25.0 * 1e-3 * gains[slice], 1e-9);
        energy_j += slice_j;
    }
    EXPECT_LE(energy_j, after[0].powerBudget_j - before[0].powerBudget_j);
    EXPECT_NEAR(after[0].powerBudget_j - before[0].powerBudget_j, budget_w * 0.9, 1e-9);
}

} // namespace
} // namespace slicebridge
