// SPDX-License-Identifier: GPL-2.0-only
#include "lte-ran-testbed.h"

#include "ns3/lte-enb-net-device.h"
#include "ns3/lte-enb-rrc.h"
#include "ns3/mobility-model.h"

#include <cmath>
#include <gtest/gtest.h>

namespace slicebridge
{
namespace
{

class LteRanMobilityTest : public LteRanTest
{
  protected:
    /// Three cells in a row, 400 m apart, and static UEs near the first.
    static LteRanConfig Row(std::size_t ues)
    {
        LteRanConfig config;
        config.sites.count = 3;
        config.sites.positions_m = {{0, 0, 25}, {400, 0, 25}, {800, 0, 25}};
        config.propagation.jakesFading = false;
        config.mobility.randomWalk = false;
        config.slices = {Slice("a", 9, 1.0F)};
        for (std::size_t ue = 0; ue < ues; ++ue)
        {
            config.ues.push_back({0, 0, ns3::Vector(30.0, 10.0 * static_cast<double>(ue), 1.5)});
        }
        return config;
    }

    void Move(std::size_t ue, double x_m)
    {
        ran->UeNode(ue)->GetObject<ns3::MobilityModel>()->SetPosition({x_m, 20.0, 1.5});
    }

    uint64_t Dropped() const
    {
        uint64_t sum = 0;
        for (const auto& [cause, count] : drops)
        {
            sum += count;
        }
        return sum;
    }

    uint64_t TotalDelivered() const
    {
        uint64_t sum = 0;
        for (std::size_t cell = 0; cell < ran->CellCount(); ++cell)
        {
            std::vector<SliceCounters> counters(1);
            ran->Cell(cell).ReadSlices(counters);
            sum += counters[0].airSdu;
        }
        return sum;
    }
};

TEST_F(LteRanMobilityTest, AUeThatMovesIsHandedOverAndKeepsItsFlow)
{
    for (const auto rlc : {LteRlcMode::Unacknowledged, LteRlcMode::Acknowledged})
    {
        auto config = Row(2);
        config.slices[0].rlc = rlc;
        Build(config);
        StartAll(ns3::MilliSeconds(300), 500, ns3::MilliSeconds(4), ns3::Seconds(4));
        RunUntil(ns3::Seconds(1));
        ASSERT_TRUE(ran->AllUesConnected());
        EXPECT_EQ(ran->ServingCell(0), 0);
        Move(0, 420.0);
        RunUntil(ns3::Seconds(2));
        EXPECT_EQ(ran->ServingCell(0), 1);
        Move(0, 820.0);
        RunUntil(ns3::Seconds(5));
        EXPECT_EQ(ran->ServingCell(0), 2);
        EXPECT_EQ(ran->ServingCell(1), 0);
        EXPECT_EQ(ran->Handovers(), 2U);
        // The jump itself is what loses packets: until the handover the signal is drowned.
        EXPECT_EQ(m_flows[1].received, m_flows[1].sent);
        EXPECT_GT(m_flows[0].received, m_flows[0].sent * 6 / 10);
        EXPECT_EQ(m_flows[0].received + m_flows[1].received, TotalDelivered());
        std::vector<UeCounters> ues(2);
        ran->ReadUes(ues);
        EXPECT_EQ(ues[0].cell, 2);
        EXPECT_EQ(ues[0].bufferBytes, 0U);
        uint64_t prb = 0;
        for (std::size_t cell = 0; cell < 3; ++cell)
        {
            prb += Slices(cell)[0].prbUsed;
            EXPECT_EQ(Slices(cell)[0].ues, cell == 1 ? 0U : 1U);
        }
        EXPECT_EQ(ues[0].prbUsed + ues[1].prbUsed, prb);
        TearDown();
        drops.clear();
    }
}

TEST_F(LteRanMobilityTest, WhatWaitsInTheDuFollowsTheUe)
{
    auto config = Row(1);
    config.du = {.compute_bps = 0.4e6, .overhead_bytes = 0, .queue_packets = 1000};
    Build(config);
    // 250 packets of 528 bytes at once are 2.6 s of work, begun in one cell and ended in another.
    RunUntil(ns3::MilliSeconds(300));
    ASSERT_TRUE(ran->AllUesConnected());
    StartAll(ns3::Time(0), 500, ns3::MicroSeconds(10), ns3::MicroSeconds(302500));
    RunUntil(ns3::MilliSeconds(310));
    ASSERT_EQ(m_flows[0].sent, 250U);
    EXPECT_GT(Slices(0)[0].bufferBytes, 240U * 528U);
    Move(0, 420.0);
    RunUntil(ns3::Seconds(5));
    EXPECT_EQ(ran->ServingCell(0), 1);
    EXPECT_EQ(Slices(0)[0].bufferBytes, 0U);
    EXPECT_EQ(drops[LteDropCause::NoContext], 0U);
    EXPECT_EQ(drops[LteDropCause::DuQueue], 0U);
    const uint64_t here = Slices(1)[0].duBits / (8U * 528U);
    EXPECT_GT(here, 100U);
    EXPECT_EQ(Slices(0)[0].duBits / (8U * 528U) + here, 250U);
    // Nothing that was processed after the handover is lost.
    EXPECT_EQ(Slices(1)[0].rlcSdu, Slices(1)[0].airSdu);
    EXPECT_GE(Slices(1)[0].airSdu, here);
}

TEST_F(LteRanMobilityTest, PowerDecidedDuringThePathSwitchHoldsAfterIt)
{
    const auto decide = [this](std::size_t cell, float powerShare)
    {
        const std::vector<SliceControl> slice{
            {.prb = {0.0F, 1.0F, 1.0F}, .computeShare = 1.0F, .powerShare = powerShare}};
        ran->Cell(cell).ApplySliceControls(slice);
    };
    Build(Row(1));
    decide(1, 1.0F);
    StartAll(ns3::MilliSeconds(300), 500, ns3::MilliSeconds(4), ns3::Seconds(3));
    int pathSwitches = 0;
    const auto rrc =
        ns3::DynamicCast<ns3::LteEnbNetDevice>(ran->CellNode(1)->GetDevice(0))->GetRrc();
    using State = ns3::UeManager::State;
    const ns3::Callback<void, uint64_t, uint16_t, uint16_t, State, State> onState =
        [&](uint64_t, uint16_t, uint16_t, State, State now)
    {
        if (now == State::HANDOVER_PATH_SWITCH)
        {
            ++pathSwitches;
            decide(1, 0.25F);
        }
    };
    const ns3::Callback<void, uint16_t, uint16_t> onContext = [&](uint16_t, uint16_t rnti)
    { rrc->GetUeManager(rnti)->TraceConnectWithoutContext("StateTransition", onState); };
    rrc->TraceConnectWithoutContext("NewUeContext", onContext);
    RunUntil(ns3::Seconds(1));
    Move(0, 420.0);
    RunUntil(ns3::Seconds(2));
    ASSERT_EQ(ran->ServingCell(0), 1);
    ASSERT_EQ(pathSwitches, 1);
    const auto before = Slices(1)[0];
    RunUntil(ns3::Seconds(3));
    const auto after = Slices(1)[0];
    const auto prb = static_cast<double>(after.prbUsed - before.prbUsed);
    const double even_j = (after.powerBudget_j - before.powerBudget_j) / (1000.0 * 25.0);
    ASSERT_GT(prb, 0.0);
    EXPECT_NEAR((after.energy_j - before.energy_j) / (prb * even_j), std::pow(10.0, -0.6), 1e-6);
}

TEST_F(LteRanMobilityTest, AUeThatComesBringsItsPowerOffsetAndThoseOfOthersWait)
{
    auto config = Row(2);
    config.ues[1] = {0, 1, ns3::Vector(420.0, 10.0, 1.5)};
    Build(config);
    const std::vector<SliceControl> slice{
        {.prb = {0.0F, 1.0F, 1.0F}, .computeShare = 1.0F, .powerShare = 1.0F}};
    const auto offsets_db = [this]
    {
        std::vector<UeCounters> ues(2);
        ran->ReadUes(ues);
        return std::vector{ues[0].powerOffset_db, ues[1].powerOffset_db};
    };
    RunUntil(ns3::Seconds(1));
    ASSERT_TRUE(ran->AllUesConnected());
    ran->Cell(0).ApplySliceControls(slice);
    ran->Cell(1).ApplySliceControls(slice);
    ran->ApplyUeControls(std::vector<UeControl>{{.powerOffset_db = -1.0F}, {}});
    RunUntil(ns3::Seconds(1.5));
    const auto first = offsets_db();
    EXPECT_EQ(first, (std::vector{-1.0, 0.0})) << "decided in the same epoch as the slices";
    ran->ApplyUeControls(
        std::vector<UeControl>{{.powerOffset_db = -6.0F}, {.powerOffset_db = -3.0F}});
    Move(0, 400.0);
    RunUntil(ns3::Seconds(2.5));
    ASSERT_EQ(ran->ServingCell(0), 1);
    EXPECT_EQ(offsets_db(), (std::vector{-6.0, 0.0}));
    ran->Cell(1).ApplySliceControls(slice);
    RunUntil(ns3::Seconds(2.6));
    EXPECT_EQ(offsets_db(), (std::vector{-6.0, -3.0}));
}

TEST_F(LteRanMobilityTest, RandomWalksHandOverAndRepeatThemselvesExactly)
{
    LteRanConfig config;
    config.sites.count = 3;
    config.sites.interSiteDistance_m = 150.0;
    config.mobility.minSpeed_mps = 25.0;
    config.mobility.maxSpeed_mps = 30.0;
    config.slices = {Slice("a", 9, 0.5F), Slice("b", 8, 0.5F)};
    config.slices[1].rlc = LteRlcMode::Acknowledged;
    slices = 2;
    for (uint32_t i = 0; i < 6; ++i)
    {
        config.ues.push_back({i % 2, i / 2, std::nullopt});
    }
    std::vector<uint64_t> first;
    for (int run = 0; run < 2; ++run)
    {
        Build(config);
        StartAll(ns3::MilliSeconds(300), 400, ns3::MilliSeconds(10), ns3::Seconds(8));
        RunUntil(ns3::Seconds(8));
        EXPECT_GT(ran->Handovers(), 0U);
        EXPECT_TRUE(ran->AllUesConnected());
        std::vector<uint64_t> trajectory{ran->Handovers(), ns3::Simulator::GetEventCount()};
        for (std::size_t cell = 0; cell < 3; ++cell)
        {
            for (const auto& counters : Slices(cell))
            {
                trajectory.insert(trajectory.end(),
                                  {counters.prbUsed, counters.tbError, counters.airSdu});
            }
        }
        if (run == 0)
        {
            first = trajectory;
        }
        else
        {
            EXPECT_EQ(trajectory, first);
        }
        TearDown();
    }
}

} // namespace
} // namespace slicebridge
