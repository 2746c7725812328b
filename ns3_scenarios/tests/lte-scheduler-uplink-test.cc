// SPDX-License-Identifier: GPL-2.0-only
// Uplink and random access under slicing are those of ns3's stock schedulers, grant for grant.
#include "lte-scheduler-testbed.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace slicebridge::testing
{
namespace
{

struct Grants
{
    std::vector<UlGrant> uplink;
    std::vector<UlGrant> responses;
};

Grants Record(TestbedConfig config, const std::string& scheduler, double until_s)
{
    config.scheduler = scheduler;
    if (scheduler != SLICED)
    {
        config.schedulerAttributes.clear();
    }
    Testbed bed(config);
    bed.Run(until_s);
    Grants all;
    for (uint32_t cell = 0; cell < config.cells; ++cell)
    {
        const auto& spy = bed.Spy(cell);
        all.uplink.insert(all.uplink.end(), spy.uplink.begin(), spy.uplink.end());
        all.responses.insert(all.responses.end(), spy.responses.begin(), spy.responses.end());
    }
    return all;
}

void ExpectSame(const Grants& stock, const Grants& ours)
{
    EXPECT_EQ(stock.responses, ours.responses);
    EXPECT_EQ(stock.uplink.size(), ours.uplink.size());
    const auto differs = std::ranges::mismatch(stock.uplink, ours.uplink);
    EXPECT_TRUE(differs.in1 == stock.uplink.end() && differs.in2 == ours.uplink.end())
        << "first after " << (differs.in1 - stock.uplink.begin()) << " grants";
}

/// Three slices whose downlink differs from a stock scheduler's all the time.
std::vector<SliceSchedulerConfig> ThreeSlices()
{
    return {SliceWith(0.2F, 0.5F, 0.6F),
            SliceWith(0.1F, 0.3F, 0.5F, SchedulingRule::RoundRobin),
            SliceWith(0.0F, 0.2F, 1.0F, SchedulingRule::MaxCqi)};
}

/// 15 UEs that come one after another, all saturated both ways; some too far for error-free uplink.
TestbedConfig Saturated()
{
    TestbedConfig config;
    config.slices = ThreeSlices();
    for (uint32_t i = 0; i < 15; ++i)
    {
        config.ues.push_back(
            {.slice = i % 3, .distance_m = 50.0 + 350.0 * i, .attach_s = 0.11 * i});
    }
    return config;
}

TEST(LteSchedulerUplink, SaturatedCellHasTheGrantsOfPfFor5Seconds)
{
    const Grants stock = Record(Saturated(), STOCK_PF, 5.0);
    ASSERT_GT(stock.uplink.size(), 20000U);
    ASSERT_GE(stock.responses.size(), 15U);
    ExpectSame(stock, Record(Saturated(), SLICED, 5.0));
}

TEST(LteSchedulerUplink, InnerSchedulerIsAnAttribute)
{
    TestbedConfig config = Saturated();
    config.schedulerAttributes["UplinkScheduler"] = "ns3::RrFfMacScheduler";
    const Grants stock = Record(config, "ns3::RrFfMacScheduler", 2.0);
    ASSERT_GT(stock.uplink.size(), 5000U);
    ExpectSame(stock, Record(config, SLICED, 2.0));
}

TEST(LteSchedulerUplink, RealRrcOverTheAirAndUdpHaveTheGrantsOfPfFor5Seconds)
{
    TestbedConfig config;
    config.epc = true;
    config.idealRrc = false;
    config.traffic_s = 1.0;
    config.slices = ThreeSlices();
    for (uint32_t i = 0; i < 9; ++i)
    {
        config.ues.push_back({.slice = i % 3,
                              .distance_m = 50.0 + 300.0 * i,
                              .attach_s = 0.1 * i,
                              .downlink_bps = 3e6,
                              .uplink_bps = 0.2e6 + 0.1e6 * i});
    }
    const Grants stock = Record(config, STOCK_PF, 5.0);
    ASSERT_GT(stock.uplink.size(), 5000U);
    ExpectSame(stock, Record(config, SLICED, 5.0));
}

TEST(LteSchedulerUplink, ManyUesThatComeAtOnceHaveTheResponsesOfPf)
{
    // More preambles in one TTI than there is uplink for: the stock scheduler drops the rest.
    TestbedConfig config;
    config.slices = ThreeSlices();
    config.bandwidth_prb = 15;
    config.ues = UesOf(1, 12, 60.0, 20.0);
    const Grants stock = Record(config, STOCK_PF, 1.0);
    ASSERT_GE(stock.responses.size(), 12U);
    ExpectSame(stock, Record(config, SLICED, 1.0));
}

} // namespace
} // namespace slicebridge::testing
