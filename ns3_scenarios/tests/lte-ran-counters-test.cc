// SPDX-License-Identifier: GPL-2.0-only
#include "lte-ran-testbed.h"

#include "ns3/lte-enb-mac.h"
#include "ns3/lte-enb-net-device.h"
#include "ns3/lte-enb-rrc.h"
#include "ns3/lte-pdcp.h"
#include "ns3/lte-radio-bearer-info.h"
#include "ns3/lte-ue-net-device.h"
#include "ns3/lte-ue-rrc.h"
#include "ns3/object-map.h"
#include "ns3/uinteger.h"

#include <array>
#include <gtest/gtest.h>
#include <numeric>

namespace slicebridge
{
namespace
{

/// PDCP header with 12-bit sequence numbers.
constexpr uint32_t PDCP_BYTES = 2;

/// What ns-3's own trace sources say of the bearer of each UE.
struct BearerTraces
{
    uint64_t pdcpSent{};
    uint64_t pdcpSent_bits{};
    uint64_t pdcpReceived{};
    int64_t pdcpDelay_ns{};
};

class LteRanCountersTest : public LteRanTest
{
  protected:
    ns3::Ptr<ns3::LteUeRrc> UeRrc(std::size_t ue)
    {
        return ns3::DynamicCast<ns3::LteUeNetDevice>(ran->UeNode(ue)->GetDevice(0))->GetRrc();
    }

    ns3::Ptr<ns3::LteEnbNetDevice> CellDevice(std::size_t cell)
    {
        return ns3::DynamicCast<ns3::LteEnbNetDevice>(ran->CellNode(cell)->GetDevice(0));
    }

    static ns3::Ptr<ns3::LtePdcp> Pdcp(ns3::Ptr<ns3::Object> owner)
    {
        ns3::ObjectMapValue bearers;
        owner->GetAttribute("DataRadioBearerMap", bearers);
        return ns3::DynamicCast<ns3::LteDataRadioBearerInfo>(bearers.Begin()->second)->m_pdcp;
    }

    /// To be called when all UEs are connected.
    void Listen()
    {
        traces.resize(ran->UeCount());
        for (std::size_t ue = 0; ue < ran->UeCount(); ++ue)
        {
            auto& trace = traces[ue];
            const auto ueRrc = UeRrc(ue);
            const auto enbRrc = CellDevice(0)->GetRrc();
            Pdcp(enbRrc->GetUeManager(ueRrc->GetRnti()))
                ->TraceConnectWithoutContext("TxPDU",
                                             ns3::Callback<void, uint16_t, uint8_t, uint32_t>(
                                                 [&trace](uint16_t, uint8_t, uint32_t bytes)
                                                 {
                                                     ++trace.pdcpSent;
                                                     trace.pdcpSent_bits +=
                                                         8 * (bytes - PDCP_BYTES);
                                                 }));
            Pdcp(ueRrc)->TraceConnectWithoutContext(
                "RxPDU",
                ns3::Callback<void, uint16_t, uint8_t, uint32_t, uint64_t>(
                    [&trace](uint16_t, uint8_t, uint32_t, uint64_t delay_ns)
                    {
                        ++trace.pdcpReceived;
                        trace.pdcpDelay_ns += static_cast<int64_t>(delay_ns);
                    }));
        }
        CellDevice(0)->GetMac()->TraceConnectWithoutContext(
            "DlScheduling",
            ns3::Callback<void, ns3::DlSchedulingCallbackInfo>(
                [this](ns3::DlSchedulingCallbackInfo info)
                { blocks += (info.sizeTb1 > 0 ? 1 : 0) + (info.sizeTb2 > 0 ? 1 : 0); }));
    }

    std::vector<BearerTraces> traces;
    uint64_t blocks{};
};

TEST_F(LteRanCountersTest, CountsAreThoseOfTheTraceSourcesUnderOverloadAndFading)
{
    slices = 3;
    auto config = OneCell({Slice("um", 9, 0.4F), Slice("am", 9, 0.3F), Slice("small", 82, 0.3F)});
    config.slices[1].rlc = LteRlcMode::Acknowledged;
    config.propagation.sinr_db = 8.0;
    config.propagation.jakesFading = true;
    Build(config);
    // Small enough to overflow.
    ns3::Config::SetDefault("ns3::LteRlcUm::MaxTxBufferSize", ns3::UintegerValue(20000));
    ns3::Config::SetDefault("ns3::LteRlcAm::MaxTxBufferSize", ns3::UintegerValue(20000));
    RunUntil(ns3::MilliSeconds(300));
    ASSERT_TRUE(ran->AllUesConnected());
    Listen();
    const uint64_t blocksBefore = Slices(0)[0].tb + Slices(0)[1].tb + Slices(0)[2].tb;
    StartAll(ns3::Time(0), 700, ns3::MilliSeconds(1), ns3::Seconds(2));
    RunUntil(ns3::Seconds(4));
    const auto counters = Slices(0);
    uint64_t rlcDrops = 0;
    uint64_t blocksCounted = 0;
    for (std::size_t slice = 0; slice < slices; ++slice)
    {
        const auto& counted = counters[slice];
        const auto& traced = traces[slice];
        EXPECT_EQ(traced.pdcpSent, m_flows[slice].sent);
        EXPECT_EQ(counted.pdcpSduBits, traced.pdcpSent_bits);
        EXPECT_EQ(counted.airSdu, traced.pdcpReceived);
        EXPECT_EQ(counted.airSdu, m_flows[slice].received);
        EXPECT_EQ(counted.rlcSdu + counted.rlcSduDropped, traced.pdcpSent);
        EXPECT_EQ(counted.bufferBytes, 0U);
        EXPECT_LE(counted.airSdu, counted.rlcSdu);
        EXPECT_GT(counted.activeUeTime_ms, 1000.0);
        EXPECT_LT(counted.activeUeTime_ms, 4000.0);
        rlcDrops += counted.rlcSduDropped;
        blocksCounted += counted.tb;
    }
    EXPECT_GT(rlcDrops, 0U);
    EXPECT_EQ(rlcDrops, drops[LteDropCause::RlcQueue]);
    EXPECT_EQ(blocksCounted - blocksBefore, blocks);
    EXPECT_EQ(counters[1].airSdu, counters[1].rlcSdu) << "RLC AM loses nothing";
    EXPECT_GT(counters[0].prbRetx + counters[1].prbRetx + counters[2].prbRetx, 0U);
    std::vector<UeCounters> ues(3);
    ran->ReadUes(ues);
    for (std::size_t ue = 0; ue < 3; ++ue)
    {
        EXPECT_EQ(ues[ue].tb, counters[ue].tb);
        EXPECT_EQ(ues[ue].prbUsed, counters[ue].prbUsed);
        EXPECT_EQ(std::reduce(counters[ue].mcs.begin(), counters[ue].mcs.end()),
                  counters[ue].prbUsed)
            << "with one layer every PRB has one MCS";
    }
}

TEST_F(LteRanCountersTest, DelaysAddUpToThoseThatPdcpMeasures)
{
    // A packet that fits into one transport block leaves the RLC in one part: the time in the RLC
    // buffer and the time on the air are then the whole PDCP delay.
    Build(OneCell({Slice("a", 9, 1.0F)}));
    RunUntil(ns3::MilliSeconds(300));
    Listen();
    StartAll(ns3::MicroSeconds(300), 200, ns3::MicroSeconds(7130), ns3::Seconds(2));
    RunUntil(ns3::Seconds(2.5));
    const auto counted = Slices(0)[0];
    ASSERT_GT(counted.airSdu, 200U);
    EXPECT_EQ(counted.rlcSdu, counted.airSdu);
    EXPECT_NEAR(counted.rlcSduDelay_ms + counted.airDelay_ms,
                static_cast<double>(traces[0].pdcpDelay_ns) * 1e-6,
                1e-6);
    // On an idle cell: next TTI and MAC-to-PHY delay, then one TTI on the air.
    EXPECT_LT(counted.rlcSduDelay_ms / static_cast<double>(counted.rlcSdu), 2.0);
    EXPECT_LT(counted.airDelay_ms / static_cast<double>(counted.airSdu), 5.0);
    EXPECT_DOUBLE_EQ(counted.burstTime_ms, 0.0) << "each packet is a burst of one TTI";
}

TEST_F(LteRanCountersTest, BurstThroughputIsTheCellsRateUnderSaturation)
{
    Build(OneCell({Slice("a", 9, 1.0F)}));
    StartAll(ns3::MilliSeconds(300), 1400, ns3::MicroSeconds(300), ns3::Seconds(3));
    RunUntil(ns3::Seconds(1));
    const auto before = Slices(0)[0];
    const auto receivedBefore = m_flows[0].receivedBytes;
    RunUntil(ns3::Seconds(2));
    const auto after = Slices(0)[0];
    const double burst_mbps =
        (after.burstBits - before.burstBits) / (after.burstTime_ms - before.burstTime_ms) * 1e-3;
    const double received_mbps =
        8e-6 * static_cast<double>(m_flows[0].receivedBytes - receivedBefore);
    // PDCP and IP headers on top of the payload.
    EXPECT_NEAR(burst_mbps / received_mbps,
                (1400.0 + IP_OVERHEAD_BYTES + PDCP_BYTES) / 1400.0,
                0.01);
    EXPECT_NEAR(after.burstTime_ms - before.burstTime_ms, 1000.0, 5.0);
    EXPECT_NEAR(after.activeUeTime_ms - before.activeUeTime_ms, 1000.0, 1e-6);
}

} // namespace
} // namespace slicebridge
