// SPDX-License-Identifier: GPL-2.0-only
// One slice that holds the whole cell, rule pf, against ns-3's own PfFfMacScheduler; and the
// uplink, grant for grant.
#include "lte-scheduler-testbed.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <iostream>
#include <string>
#include <vector>

namespace slicebridge::testing
{
namespace
{

/// What a network's downlink came to.
struct Outcome
{
    double throughput_bps{};
    double jain{};
};

Outcome Measure(Testbed& bed, std::size_t ues, double from_s, double until_s)
{
    bed.Run(from_s);
    std::vector<double> before;
    for (std::size_t ue = 0; ue < ues; ++ue)
    {
        before.push_back(static_cast<double>(bed.Received_bytes(ue)));
    }
    bed.Run(until_s);
    double sum = 0.0;
    double squares = 0.0;
    for (std::size_t ue = 0; ue < ues; ++ue)
    {
        const double rate_bps =
            8.0 * (static_cast<double>(bed.Received_bytes(ue)) - before[ue]) / (until_s - from_s);
        sum += rate_bps;
        squares += rate_bps * rate_bps;
    }
    return {sum, sum * sum / (static_cast<double>(ues) * squares)};
}

/// 20 saturated UEs from the cell's middle to its edge.
TestbedConfig TwentyUes(const std::string& scheduler, double speed_mps)
{
    TestbedConfig config;
    config.scheduler = scheduler;
    config.speed_mps = speed_mps;
    config.slices = {SliceWith(0.0F, 1.0F, 1.0F)};
    config.ues = UesOf(0, 20, 50.0, 600.0);
    return config;
}

Outcome RunTwentyUes(const std::string& scheduler, double speed_mps)
{
    Testbed bed(TwentyUes(scheduler, speed_mps));
    return Measure(bed, 20, 0.5, 3.5);
}

void ExpectParity(double speed_mps)
{
    const Outcome stock = RunTwentyUes(STOCK_PF, speed_mps);
    const Outcome ours = RunTwentyUes(SLICED, speed_mps);
    ASSERT_GT(stock.throughput_bps, 1e6);
    std::cout << "throughput " << stock.throughput_bps << " -> " << ours.throughput_bps
              << " bit/s, Jain " << stock.jain << " -> " << ours.jain << "\n";
    EXPECT_NEAR(ours.throughput_bps / stock.throughput_bps, 1.0, 0.02);
    EXPECT_NEAR(ours.jain / stock.jain, 1.0, 0.02);
}

TEST(LteSchedulerParity, OneSliceUnderPfEqualsNs3sOwnPf)
{
    ExpectParity(0.0);
}

TEST(LteSchedulerParity, OneSliceUnderPfEqualsNs3sOwnPfUnderFading)
{
    ExpectParity(3.0);
}

TEST(LteSchedulerParity, DownlinkIsThatOfPfBlockForBlockWithoutErrors)
{
    // Traffic begins when channel reports are there, and fills a whole TTI for each UE at once:
    // PF gives RBGs to a UE beyond what its buffer fills, this scheduler does not.
    const auto grants = [](const std::string& scheduler)
    {
        ns3::Config::SetDefault("ns3::LteSpectrumPhy::DataErrorModelEnabled",
                                ns3::BooleanValue(false));
        TestbedConfig config;
        config.scheduler = scheduler;
        config.epc = true;
        config.speed_mps = 3.0;
        config.slices = {SliceWith(0.0F, 1.0F, 1.0F)};
        config.ues = UesOf(0, 8, 50.0, 400.0);
        for (auto& ue : config.ues)
        {
            ue.downlink_bps = 100e6;
        }
        Testbed bed(config);
        bed.Run(1.0);
        return bed.Spy().downlink;
    };
    auto stock = grants(STOCK_PF);
    auto ours = grants(SLICED);
    ASSERT_GT(stock.size(), 1000U);
    EXPECT_EQ(stock.size(), ours.size());
    const auto differs = std::ranges::mismatch(stock, ours);
    EXPECT_TRUE(differs.in1 == stock.end() && differs.in2 == ours.end())
        << "first at " << differs.in1->time_ms << " ms";
}

} // namespace
} // namespace slicebridge::testing
