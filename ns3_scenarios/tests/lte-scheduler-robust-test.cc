// SPDX-License-Identifier: GPL-2.0-only
// Block errors, many UEs, and UEs that come and go.
#include "lte-scheduler-testbed.h"

#include <cstddef>
#include <gtest/gtest.h>
#include <map>
#include <utility>
#include <vector>

namespace slicebridge::testing
{
namespace
{

TEST(LteSchedulerRobust, BlockErrorsAreCountedAndRepeatedAtMost3Times)
{
    TestbedConfig config;
    config.slices = {SliceWith(0.0F, 0.6F, 1.0F), SliceWith(0.0F, 0.4F, 1.0F)};
    config.speed_mps = 30.0; // channel reports are stale, blocks fail
    config.ues = UesOf(0, 4, 200.0, 500.0);
    config.ues.push_back({.slice = 1, .distance_m = 900.0});
    Testbed bed(config);
    bed.Run(3.0);

    ASSERT_GT(bed.Corrupted(), bed.Blocks() / 100);
    uint64_t errors = 0;
    uint64_t blocks = 0;
    for (std::size_t i = 0; i < 2; ++i)
    {
        errors += bed.Scheduler().Slice(i).tbError;
        blocks += bed.Scheduler().Slice(i).tb;
    }
    EXPECT_EQ(blocks, bed.Spy().downlink.size());
    // Blocks and feedback under way at the end are at most 8 processes of 5 UEs.
    EXPECT_NEAR(static_cast<double>(blocks), static_cast<double>(bed.Blocks()), 40.0);
    EXPECT_NEAR(static_cast<double>(errors), static_cast<double>(bed.Corrupted()), 40.0);

    std::map<std::pair<uint16_t, uint8_t>, DlGrant> last;
    std::map<std::pair<uint16_t, uint8_t>, int> repetitions;
    for (const auto& grant : bed.Spy().downlink)
    {
        const std::pair process{grant.rnti, grant.process};
        if (grant.repeated)
        {
            EXPECT_LE(++repetitions[process], 3);
            EXPECT_EQ(std::popcount(grant.rbgs), std::popcount(last[process].rbgs));
            EXPECT_EQ(grant.tb_bytes, last[process].tb_bytes);
            EXPECT_EQ(grant.mcs, last[process].mcs);
        }
        else
        {
            repetitions[process] = 0;
        }
        last[process] = grant;
    }
}

TEST(LteSchedulerRobust, PacketsArriveDespiteBlockErrors)
{
    TestbedConfig config;
    config.epc = true;
    config.speed_mps = 30.0;
    config.ues = UesOf(0, 4, 200.0, 300.0);
    for (auto& ue : config.ues)
    {
        ue.downlink_bps = 0.4e6; // 50 packets per second
    }
    Testbed bed(config);
    bed.Run(4.5);
    EXPECT_GT(bed.Corrupted(), 0U);
    for (std::size_t ue = 0; ue < 4; ++ue)
    {
        EXPECT_GE(bed.Packets(ue), 192U); // of 200: the last ones are under way
    }
}

TEST(LteSchedulerRobust, SixtyUesOfThreeSlicesAreAllServed)
{
    TestbedConfig config;
    config.srsPeriodicity = 80;
    config.slices = {SliceWith(0.0F, 0.3F, 0.5F),
                     SliceWith(0.0F, 0.3F, 0.5F, SchedulingRule::RoundRobin),
                     SliceWith(0.0F, 0.3F, 0.5F, SchedulingRule::MLwdf)};
    for (uint32_t i = 0; i < 60; ++i)
    {
        config.ues.push_back(
            {.slice = i % 3, .distance_m = 60.0 + 10.0 * i, .attach_s = 0.005 * i});
    }
    Testbed bed(config);
    bed.Run(1.5);
    for (std::size_t ue = 0; ue < 60; ++ue)
    {
        EXPECT_GT(bed.Received_bytes(ue), 0U) << "UE " << ue;
        const auto counters = bed.Scheduler().Ue(bed.Rnti(ue));
        ASSERT_TRUE(counters.has_value());
        EXPECT_EQ(counters->slice, config.ues[ue].slice);
    }
}

TEST(LteSchedulerRobust, SignallingPassesASaturatedCellAndIsCountedApart)
{
    TestbedConfig config;
    config.epc = true;
    config.idealRrc = false; // RRC messages go over the air, on SRB 0 and 1
    config.slices = {SliceWith(0.0F, 1.0F, 1.0F)};
    config.ues = UesOf(0, 4, 100.0, 100.0);
    for (auto& ue : config.ues)
    {
        ue.downlink_bps = 10e6; // far more than the cell carries
    }
    config.ues.push_back({.slice = 0, .distance_m = 200.0, .attach_s = 1.0});
    Testbed bed(config);
    bed.Run(0.99);
    const uint64_t before = bed.Scheduler().Cell().prbSignalling;
    EXPECT_GT(before, 0U);
    bed.Run(1.1);
    ASSERT_GT(bed.Rnti(4), 0U);
    const auto late = bed.Scheduler().Ue(bed.Rnti(4));
    ASSERT_TRUE(late.has_value());
    EXPECT_EQ(late->slice, 0U); // its data bearer is set up, by an exchange of RRC messages
    EXPECT_GT(bed.Scheduler().Cell().prbSignalling, before);
    EXPECT_LE(bed.Scheduler().Slice(0).prbUsed + bed.Scheduler().Cell().prbSignalling,
              bed.Scheduler().Cell().prbAvailable);
}

TEST(LteSchedulerRobust, RepetitionsThatMayNotWaitDoNot)
{
    TestbedConfig config;
    config.slices = {SliceWith(0.0F, 0.4F, 0.4F), SliceWith(0.0F, 0.6F, 1.0F)};
    config.speed_mps = 30.0;
    config.schedulerAttributes["MaxRetxWait"] = "0";
    config.ues = UesOf(0, 3, 200.0, 500.0);
    Testbed bed(config);
    const std::vector<RrmPolicyRatio> wide{{0.0F, 0.4F, 0.4F}, {0.0F, 0.6F, 1.0F}};
    const std::vector<RrmPolicyRatio> tight{{0.0F, 0.1F, 0.1F}, {0.0F, 0.9F, 1.0F}};
    for (int period = 0; period < 100; ++period)
    {
        // Blocks of 4 RBGs are under way when the cap becomes 1.
        bed.Scheduler().SetPolicies(period % 2 == 0 ? wide : tight);
        bed.Run(0.02 * (period + 1));
    }
    EXPECT_EQ(bed.Scheduler().Slice(0).ttisRetxWaited, 0U);
    EXPECT_GT(bed.Scheduler().Slice(0).prbRetxOverCap, 0U);
}

TEST(LteSchedulerRobust, RoundRobinServesUesAlike)
{
    TestbedConfig config;
    config.slices = {SliceWith(0.0F, 1.0F, 1.0F, SchedulingRule::RoundRobin)};
    config.ues = UesOf(0, 7, 100.0, 600.0);
    Testbed bed(config);
    bed.Run(2.0);
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (std::size_t ue = 0; ue < 7; ++ue)
    {
        const uint64_t prb = bed.Scheduler().Ue(bed.Rnti(ue))->prbUsed;
        least = std::min(least, prb);
        most = std::max(most, prb);
    }
    EXPECT_GT(static_cast<double>(least), 0.95 * static_cast<double>(most));
}

TEST(LteSchedulerRobust, AgentWeightShiftsPfRates)
{
    TestbedConfig config;
    config.slices = {SliceWith(0.0F, 1.0F, 1.0F)};
    config.ues = UesOf(0, 4, 100.0, 0.0);
    Testbed bed(config);
    bed.Run(0.5);
    bed.Scheduler().SetUeWeight(bed.Rnti(0), 3.0);
    const uint64_t before = bed.Scheduler().Ue(bed.Rnti(0))->prbUsed;
    const uint64_t beforeOther = bed.Scheduler().Ue(bed.Rnti(1))->prbUsed;
    bed.Run(2.5);
    const auto heavy = static_cast<double>(bed.Scheduler().Ue(bed.Rnti(0))->prbUsed - before);
    const auto light = static_cast<double>(bed.Scheduler().Ue(bed.Rnti(1))->prbUsed - beforeOther);
    // Under PF with equal channels rates are as the weights.
    EXPECT_NEAR(heavy / light, 3.0, 0.3);
    EXPECT_EQ(bed.Scheduler().Ue(bed.Rnti(0))->weight, 3.0);
}

TEST(LteSchedulerRobust, HandoverBackAndForthLeavesNothingBehind)
{
    TestbedConfig config;
    config.cells = 2;
    config.epc = true;
    config.slices = {SliceWith(0.0F, 0.5F, 1.0F), SliceWith(0.0F, 0.5F, 1.0F)};
    config.speed_mps = 20.0;
    config.ues = {{.slice = 1, .distance_m = 250.0, .downlink_bps = 4e6, .uplink_bps = 0.2e6},
                  {.slice = 0, .distance_m = 200.0, .downlink_bps = 4e6, .uplink_bps = 0.2e6}};
    Testbed bed(config);
    std::vector<DlUeCounters> released;
    for (uint32_t cell = 0; cell < 2; ++cell)
    {
        bed.Scheduler(cell).SetReleaseHook([&released](uint16_t, const DlUeCounters& counters)
                                           { released.push_back(counters); });
    }
    for (int i = 0; i < 8; ++i)
    {
        bed.Handover(1.0 + 0.3 * i, 0, i % 2, 1 - i % 2);
    }
    uint64_t packets = 0;
    for (int i = 0; i < 8; ++i)
    {
        const uint16_t left = bed.CellOf(0) > 0 ? bed.Rnti(0) : 0;
        bed.Run(1.2 + 0.3 * i);
        const auto serving = static_cast<uint32_t>(1 - i % 2);
        ASSERT_EQ(bed.CellOf(0), serving + 1U);
        ASSERT_EQ(released.size(), static_cast<std::size_t>(i + 1));
        EXPECT_GT(released.back().tb, 0U);
        EXPECT_EQ(released.back().slice, 1U);
        if (i > 0)
        {
            EXPECT_FALSE(bed.Scheduler(1 - serving).Ue(left).has_value());
        }
        ASSERT_TRUE(bed.Scheduler(serving).Ue(bed.Rnti(0)).has_value());
        EXPECT_EQ(bed.Scheduler(serving).Ue(bed.Rnti(0))->slice, 1U);
        EXPECT_GT(bed.Packets(0), packets) << "after handover " << i;
        packets = bed.Packets(0);
    }
}

TEST(LteSchedulerRobust, SameSeedGivesTheSameGrants)
{
    const auto grants = []
    {
        TestbedConfig config;
        config.slices = {SliceWith(0.1F, 0.5F, 0.8F), SliceWith(0.0F, 0.5F, 1.0F)};
        config.speed_mps = 10.0;
        config.ues = UesOf(0, 3, 100.0, 400.0);
        config.ues.push_back({.slice = 1, .distance_m = 300.0});
        Testbed bed(config);
        bed.Run(1.0);
        return bed.Spy().downlink;
    };
    const auto first = grants();
    ASSERT_GT(first.size(), 1000U);
    EXPECT_EQ(first, grants());
}

TEST(LteSchedulerRobust, TwoLayersAreScheduled)
{
    ns3::Config::SetDefault("ns3::LteEnbRrc::DefaultTransmissionMode", ns3::UintegerValue(2));
    TestbedConfig config;
    config.slices = {SliceWith(0.0F, 1.0F, 1.0F)};
    config.ues = UesOf(0, 3, 50.0, 50.0);
    Testbed bed(config);
    bed.Run(1.0);
    std::size_t twice = 0;
    for (const auto& grant : bed.Spy().downlink)
    {
        twice += grant.tb_bytes.size() == 2 ? 1 : 0;
    }
    EXPECT_GT(twice, 500U);
    EXPECT_GT(bed.Received_bytes(0), 0U);
}

} // namespace
} // namespace slicebridge::testing
