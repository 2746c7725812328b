// SPDX-License-Identifier: GPL-2.0-only
// What slices get of a saturated cell on ns-3's LTE stack, counted from the grants themselves.
#include "lte-scheduler-testbed.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace slicebridge::testing
{
namespace
{

/// RBGs of one slice in one TTI, by the DCIs.
struct Use
{
    uint32_t fresh{};
    uint32_t repeated{};
};

/// Grants of a cell by millisecond, each as one Use per slice. All UEs must still be connected.
std::map<int64_t, std::vector<Use>> UseByTti(Testbed& bed, std::size_t slices)
{
    std::map<int64_t, std::vector<Use>> use;
    for (const auto& grant : bed.Spy().downlink)
    {
        auto& tti = use[grant.time_ms];
        tti.resize(slices);
        auto& slice = tti[*bed.SliceOf(0, grant.rnti)];
        const auto units = static_cast<uint32_t>(std::popcount(grant.rbgs));
        (grant.repeated ? slice.repeated : slice.fresh) += units;
    }
    return use;
}

/// Share of all allocatable units per slice from `from_ms` to `until_ms`.
std::vector<double> Shares(Testbed& bed,
                           std::size_t slices,
                           uint32_t units,
                           int64_t from_ms,
                           int64_t until_ms)
{
    std::vector<double> shares(slices);
    for (const auto& [time_ms, tti] : UseByTti(bed, slices))
    {
        for (std::size_t i = 0; i < slices && time_ms >= from_ms && time_ms < until_ms; ++i)
        {
            shares[i] += static_cast<double>(tti[i].fresh + tti[i].repeated) /
                         static_cast<double>(units * (until_ms - from_ms));
        }
    }
    return shares;
}

std::vector<TestUe> ThreeTimes(uint32_t each)
{
    std::vector<TestUe> ues;
    for (uint32_t slice = 0; slice < 3; ++slice)
    {
        for (const auto& ue : UesOf(slice, each, 100.0 + 50.0 * slice, 900.0))
        {
            ues.push_back(ue);
        }
    }
    return ues;
}

void ExpectFiftyThirtyTwenty(uint32_t bandwidth_prb, uint32_t units)
{
    TestbedConfig config;
    config.bandwidth_prb = bandwidth_prb;
    config.slices = {SliceWith(0.0F, 0.5F, 1.0F),
                     SliceWith(0.0F, 0.3F, 1.0F),
                     SliceWith(0.0F, 0.2F, 1.0F)};
    config.ues = ThreeTimes(3);
    Testbed bed(config);
    bed.Run(2.5);
    const auto shares = Shares(bed, 3, units, 500, 2500);
    std::cout << "shares " << shares[0] << " " << shares[1] << " " << shares[2] << "\n";
    EXPECT_NEAR(shares[0], 0.5, 0.01);
    EXPECT_NEAR(shares[1], 0.3, 0.01);
    EXPECT_NEAR(shares[2], 0.2, 0.01);
}

TEST(LteSchedulerSlices, SharesOf25PrbAreMetWithinOnePoint)
{
    ExpectFiftyThirtyTwenty(25, 12);
}

TEST(LteSchedulerSlices, SharesOf100PrbAreMetWithinOnePoint)
{
    ExpectFiftyThirtyTwenty(100, 25);
}

TEST(LteSchedulerSlices, CountersAreWhatTheGrantsSay)
{
    TestbedConfig config;
    config.slices = {SliceWith(0.0F, 0.5F, 1.0F), SliceWith(0.0F, 0.5F, 1.0F)};
    config.ues = ThreeTimes(2);
    config.ues.resize(4);
    config.speed_mps = 20.0; // so that blocks fail
    Testbed bed(config);
    bed.Run(2.0);
    std::vector<Use> sum(2);
    for (const auto& [time_ms, tti] : UseByTti(bed, 2))
    {
        for (std::size_t i = 0; i < 2; ++i)
        {
            sum[i].fresh += tti[i].fresh;
            sum[i].repeated += tti[i].repeated;
        }
    }
    uint64_t ofUes = 0;
    for (std::size_t ue = 0; ue < 4; ++ue)
    {
        ofUes += bed.Scheduler().Ue(bed.Rnti(ue))->prbUsed;
    }
    uint64_t ofSlices = 0;
    for (std::size_t i = 0; i < 2; ++i)
    {
        const auto& counters = bed.Scheduler().Slice(i);
        EXPECT_EQ(counters.prbUsed, 2U * (sum[i].fresh + sum[i].repeated));
        EXPECT_EQ(counters.prbRetx, 2U * sum[i].repeated);
        EXPECT_GT(counters.prbRetx, 0U);
        ofSlices += counters.prbUsed;
    }
    EXPECT_EQ(ofUes, ofSlices);
    EXPECT_EQ(bed.Scheduler().Cell().prbAvailable, bed.Scheduler().Cell().ttis * 24U);
}

TEST(LteSchedulerSlices, DedicatedShareOfAnIdleSliceStaysIdleAndItsMinIsLent)
{
    TestbedConfig config;
    config.slices = {SliceWith(0.25F, 0.5F, 1.0F), SliceWith(0.0F, 0.5F, 1.0F)};
    config.ues = UesOf(1, 4, 100.0, 300.0);
    config.ues.push_back({.slice = 0, .bearer = false});
    Testbed bed(config);
    bed.Run(2.5);
    const auto shares = Shares(bed, 2, 12, 500, 2500);
    EXPECT_EQ(shares[0], 0.0);
    EXPECT_NEAR(shares[1], 0.75, 0.01); // its own half, and the lent quarter
}

TEST(LteSchedulerSlices, CapHoldsThoughTheRestIsIdle)
{
    TestbedConfig config;
    config.slices = {SliceWith(0.0F, 0.1F, 0.3F), SliceWith(0.0F, 0.1F, 1.0F)};
    config.ues = UesOf(0, 4, 100.0, 300.0);
    Testbed bed(config);
    bed.Run(2.5);
    EXPECT_NEAR(Shares(bed, 2, 12, 500, 2500)[0], 3.0 / 12.0, 0.01); // floor(0.3 x 12) = 3
}

/// Policies that change every 50 ms, so that repetitions of large blocks meet small caps.
const std::vector<std::vector<RrmPolicyRatio>> CHANGING = {
    {{0.0F, 0.5F, 1.0F}, {0.0F, 0.3F, 0.5F}, {0.0F, 0.2F, 0.4F}},
    {{0.0F, 0.1F, 0.2F}, {0.2F, 0.4F, 0.7F}, {0.0F, 0.3F, 1.0F}},
    {{0.1F, 0.2F, 0.3F}, {0.0F, 0.1F, 0.1F}, {0.1F, 0.6F, 0.9F}},
};
constexpr int64_t CHANGE_MS = 50;

/// 10 simulated seconds under CHANGING.
class LteSchedulerCap : public ::testing::Test
{
  protected:
    LteSchedulerCap()
        : m_bed(Config())
    {
        for (int64_t i = 0; i < 10000 / CHANGE_MS; ++i)
        {
            // Just before the TTI that starts at that millisecond.
            ns3::Simulator::Schedule(
                ns3::MilliSeconds(i * CHANGE_MS) - ns3::NanoSeconds(1) * (i > 0 ? 1 : 0),
                [this, i] { m_bed.Scheduler().SetPolicies(CHANGING[Policy(i)]); });
        }
        std::function<void(const DlTtiRecord&)> note = [this](const DlTtiRecord& record)
        { m_records.push_back(record); };
        m_bed.Scheduler().TraceConnectWithoutContext("DlTti",
                                                     ns3::Callback<void, const DlTtiRecord&>(note));
        m_bed.Run(10.0);
    }

    static std::size_t Policy(int64_t period)
    {
        return static_cast<std::size_t>(period) % CHANGING.size();
    }

    static TestbedConfig Config()
    {
        TestbedConfig config;
        config.slices = {SliceWith(0.0F, 0.5F, 1.0F),
                         SliceWith(0.0F, 0.3F, 0.5F),
                         SliceWith(0.0F, 0.2F, 0.4F)};
        config.ues = ThreeTimes(2);
        config.speed_mps = 20.0; // channel reports are stale, blocks fail
        return config;
    }

    Testbed m_bed;
    std::vector<DlTtiRecord> m_records;
};

TEST_F(LteSchedulerCap, IsNeverPassedButByRepetitionsThatWaitedLongEnoughAndThoseAreCounted)
{
    std::vector<uint64_t> over(3);
    std::vector<uint64_t> overTtis(3);
    std::size_t ttis = 0;
    for (const auto& [time_ms, tti] : UseByTti(m_bed, 3))
    {
        ++ttis;
        const auto& policies = CHANGING[Policy(time_ms / CHANGE_MS)];
        for (std::size_t i = 0; i < 3; ++i)
        {
            const uint32_t cap = WholeUnits(policies[i].max, 12);
            if (tti[i].fresh > 0)
            {
                ASSERT_LE(tti[i].fresh + tti[i].repeated, cap) << time_ms << " ms, slice " << i;
            }
            over[i] += tti[i].repeated > cap ? tti[i].repeated - cap : 0;
            overTtis[i] += tti[i].repeated > cap ? 1 : 0;
        }
    }
    ASSERT_GT(ttis, 9500U);
    for (std::size_t i = 0; i < 3; ++i)
    {
        EXPECT_EQ(m_bed.Scheduler().Slice(i).prbRetxOverCap, 2 * over[i]);
        EXPECT_EQ(m_bed.Scheduler().Slice(i).ttisRetxOverCap, overTtis[i]);
    }
    std::cout << "repetitions over the cap in " << overTtis[0] << ", " << overTtis[1] << ", "
              << overTtis[2] << " of " << ttis << " TTIs\n";
    EXPECT_GT(overTtis[0] + overTtis[1] + overTtis[2], 0U); // or the rule was never put to the test
}

TEST_F(LteSchedulerCap, RepetitionsOverTheCapHaveWaited8TtisAndNoneWaitsForTheCapLonger)
{
    // Time between a block and its next repetition: the shortest is the feedback's own.
    std::map<std::pair<uint16_t, uint8_t>, int64_t> sent_ms;
    std::map<int64_t, std::vector<std::pair<std::size_t, int64_t>>> gaps; // by time: slice, gap
    int64_t feedback_ms = 1000;
    for (const auto& grant : m_bed.Spy().downlink)
    {
        auto& last_ms = sent_ms[{grant.rnti, grant.process}];
        if (grant.repeated)
        {
            gaps[grant.time_ms].emplace_back(*m_bed.SliceOf(0, grant.rnti),
                                             grant.time_ms - last_ms);
            feedback_ms = std::min(feedback_ms, grant.time_ms - last_ms);
        }
        last_ms = grant.time_ms;
    }
    int64_t longest_ms = 0;
    const auto use = UseByTti(m_bed, 3);
    for (const auto& [time_ms, repetitions] : gaps)
    {
        const auto& policies = CHANGING[Policy(time_ms / CHANGE_MS)];
        for (std::size_t i = 0; i < 3; ++i)
        {
            int64_t oldest_ms = 0;
            for (const auto& [slice, gap_ms] : repetitions)
            {
                oldest_ms = slice == i ? std::max(oldest_ms, gap_ms) : oldest_ms;
            }
            longest_ms = std::max(longest_ms, oldest_ms);
            if (use.at(time_ms)[i].repeated > WholeUnits(policies[i].max, 12))
            {
                EXPECT_GE(oldest_ms, feedback_ms + 8) << time_ms << " ms, slice " << i;
            }
        }
    }
    // Past the limit a repetition may still wait for others, of which there are few.
    EXPECT_LE(longest_ms, feedback_ms + 8 + 8);
}

TEST_F(LteSchedulerCap, TraceAgreesWithTheGrants)
{
    ASSERT_GT(m_records.size(), 9900U);
    const auto use = UseByTti(m_bed, 3);
    std::vector<std::vector<Use>> busy;
    for (const auto& [time_ms, tti] : use)
    {
        busy.push_back(tti);
    }
    std::size_t next = 0;
    for (const auto& record : m_records)
    {
        ASSERT_EQ(record.allocatable, 12U);
        uint32_t total = record.signalling;
        for (const auto& slice : record.slices)
        {
            EXPECT_LE(slice.newUnits, slice.granted);
            EXPECT_LE(slice.granted, slice.wanted);
            EXPECT_LE(slice.newUnits + slice.retxUnits, slice.cap + slice.retxOver);
            total += slice.newUnits + slice.retxUnits;
        }
        ASSERT_LE(total, 12U);
        if (total > 0)
        {
            for (std::size_t i = 0; i < 3; ++i)
            {
                ASSERT_EQ(record.slices[i].newUnits, busy[next][i].fresh);
                ASSERT_EQ(record.slices[i].retxUnits, busy[next][i].repeated);
            }
            ++next;
        }
    }
    EXPECT_EQ(next, busy.size());
}

TEST_F(LteSchedulerCap, NoRbgIsGivenTwiceAndNoUeHasTwoGrantsInATti)
{
    std::map<int64_t, uint32_t> taken;
    std::set<std::pair<int64_t, uint16_t>> served;
    for (const auto& grant : m_bed.Spy().downlink)
    {
        ASSERT_EQ(taken[grant.time_ms] & grant.rbgs, 0U) << grant.time_ms << " ms";
        taken[grant.time_ms] |= grant.rbgs;
        ASSERT_LT(grant.rbgs, 1U << 12);
        ASSERT_TRUE(served.emplace(grant.time_ms, grant.rnti).second) << grant.time_ms << " ms";
    }
    EXPECT_GT(taken.size(), 9500U);
}

} // namespace
} // namespace slicebridge::testing
