// SPDX-License-Identifier: GPL-2.0-only
//
// The view, the action and the reward of the high level. Their equality with Python's is tested on
// whole simulations (tests/ns3gym); here are the corners and what can be reckoned by hand.
#include "slicing/kpm-table.h"
#include "slicing/share-action.h"
#include "slicing/sla-reward.h"
#include "slicing/slice-view.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck/gtest.h>
#include <stdexcept>
#include <string_view>

namespace slicebridge
{

namespace
{

constexpr float NOT_A_NUMBER = std::numeric_limits<float>::quiet_NaN();

/// Two cells, a slice with a rate and one with a delay SLA, a UE of each.
struct Network
{
    Network()
        : slices(2)
    {
        slices[0].sla.ueThroughput_bps = 2e6;
        slices[1].sla.delayBudget_ms = 10.0;
        slices[1].sla.reliability = 0.9;
        slices[1].sla.weight = 3.0;
        observation.sliceHigh.assign(4 * SliceKpmTable().size(), 0.0F);
        observation.ue.assign(2 * UeKpmTable().size(), 0.0F);
        observation.report.projected.resize(4);
        observation.report.achieved.assign(4, {{0.0F, 0.0F, 0.0F}, 0.0F, 0.0F});
    }

    float& Kpm(std::size_t cell, std::size_t slice, std::string_view name)
    {
        return observation
            .sliceHigh[(2 * cell + slice) * SliceKpmTable().size() + SliceKpmColumn(name)];
    }

    float& UeKpm(std::size_t ue, std::string_view name)
    {
        return observation.ue[ue * UeKpmTable().size() + UeKpmColumn(name)];
    }

    SlaSatisfaction Satisfaction() const
    {
        return SlaReward(slices, {0, 1}).Satisfaction(observation);
    }

    double Reward() const
    {
        return SlaReward(slices, {0, 1}).Reward(observation, Satisfaction());
    }

    std::vector<SliceConfig> slices;
    Observation observation;
};

double Smooth(double ratio)
{
    return (1.0 + std::exp(-2.0)) / (1.0 + std::exp(-(ratio - 0.8) / 0.1));
}

TEST(SlaRewardTest, WithoutTrafficAllIsWellAndNothingIsPaid)
{
    const Network network;
    EXPECT_EQ(network.Satisfaction().hard, (std::vector<double>{1.0, 1.0}));
    EXPECT_DOUBLE_EQ(network.Reward(), 1.0);
}

TEST(SlaRewardTest, TheRateIsMeasuredAgainstTheLesserOfTargetAndOffer)
{
    Network network;
    network.UeKpm(0, "x.offered_kbps") = 4000.0F;
    network.UeKpm(0, "x.goodput_kbps") = 1600.0F; // 0.8 of the target of 2 Mbit/s
    EXPECT_DOUBLE_EQ(network.Satisfaction().hard[0], 0.0);
    EXPECT_NEAR(network.Satisfaction().smooth[0], Smooth(0.8), 1e-12);
    network.UeKpm(0, "x.offered_kbps") = 1700.0F; // now 0.94 of the offer
    EXPECT_DOUBLE_EQ(network.Satisfaction().hard[0], 1.0);
    EXPECT_NEAR(network.Satisfaction().smooth[0], Smooth(1600.0 / 1700.0), 1e-12);
}

TEST(SlaRewardTest, PacketsOfAllCellsCountTogetherForTheDelay)
{
    Network network;
    network.Kpm(0, 1, "x.packets_delivered") = 90.0F;
    network.Kpm(0, 1, "x.packets_late") = 10.0F;
    network.Kpm(1, 1, "x.packets_dropped") = 6.0F;
    network.Kpm(1, 1, "x.packets_lost") = 4.0F;
    EXPECT_NEAR(network.Satisfaction().smooth[1], Smooth(0.8 / 0.9), 1e-12);
    EXPECT_DOUBLE_EQ(network.Satisfaction().hard[1], 0.0);
    network.Kpm(0, 1, "x.packets_late") = 0.0F;
    EXPECT_DOUBLE_EQ(network.Satisfaction().hard[1], 1.0);
}

TEST(SlaRewardTest, WeightsAreNormalisedAndPricesAreMeansOverCells)
{
    Network network;
    network.Kpm(0, 1, "x.packets_lost") = 1.0F;
    network.observation.report.achieved[0] = {{0.5F, 0.5F, 0.5F}, 0.0F, 0.25F};
    network.observation.report.achieved[3] = {{0.25F, 0.25F, 0.25F}, 0.0F, 0.75F};
    const double cost = 0.1 * (0.25 + 0.75) / 2 + 0.1 * (0.5 + 0.25) / 2;
    EXPECT_NEAR(network.Reward(), 0.25 + 0.75 * Smooth(0.0) - cost, 1e-9);
}

TEST(SlaRewardTest, SlicesWithoutWeightShareEqually)
{
    std::vector<SliceConfig> slices(4);
    for (auto& slice : slices)
    {
        slice.sla.weight = 0.0;
    }
    EXPECT_EQ(OperatorWeights(slices), std::vector<double>(4, 0.25));
}

TEST(SliceViewTest, NotANumberReadsZeroAndWhatIsTooLargeReadsOne)
{
    Network network;
    network.Kpm(0, 0, "x.prb_used_ratio") = NOT_A_NUMBER;
    network.Kpm(0, 0, "x.power_used_ratio") = 7.0F;
    network.Kpm(0, 0, "x.compute_used_ratio") = -1.0F;
    network.Kpm(0, 0, "x.ues") = 1000.0F;
    network.observation.report.projected[0] = {{0.0F, 0.3F, 1.0F}, NOT_A_NUMBER, 0.5F};
    const SliceView view(2, network.slices);
    std::vector<float> seen(view.Size());
    view.Fill(network.observation, seen);
    EXPECT_EQ(view.Size(), 2 * 2 * 20);
    EXPECT_EQ(std::vector<float>(seen.begin(), seen.begin() + 4),
              (std::vector<float>{0.0F, 1.0F, 0.0F, 1.0F}));
    EXPECT_EQ(std::vector<float>(seen.begin() + 13, seen.begin() + 16),
              (std::vector<float>{0.3F, 0.0F, 0.5F}));
    EXPECT_FLOAT_EQ(seen[16], static_cast<float>(std::log1p(2000.0) / std::log1p(1e6)));
    EXPECT_FLOAT_EQ(seen[19], 0.25F);
    EXPECT_FLOAT_EQ(seen[39], 0.75F);
}

TEST(ShareActionTest, EqualSharesWhereAllScoresAreZeroAndTheFloorElsewhere)
{
    std::vector<SliceControl> controls(2);
    SharesFromScores(std::vector<float>{0.F, 0.F, 1.F, 0.F, 9.F, 1.F}, 2, controls);
    EXPECT_FLOAT_EQ(controls[0].prb.min, 0.5F);
    EXPECT_FLOAT_EQ(controls[0].prb.max, 1.0F);
    EXPECT_FLOAT_EQ(controls[0].computeShare, 0.95F);
    EXPECT_FLOAT_EQ(controls[1].computeShare, 0.05F);
    EXPECT_FLOAT_EQ(controls[0].powerShare, 0.5F); // 9 is clipped to 1
}

TEST(ShareActionTest, RefusesWhatIsNotFiniteOrDoesNotFit)
{
    std::vector<SliceControl> controls(2);
    EXPECT_THROW(SharesFromScores(std::vector<float>(6, NOT_A_NUMBER), 2, controls),
                 std::invalid_argument);
    EXPECT_THROW(SharesFromScores(std::vector<float>(5, 0.5F), 2, controls), std::invalid_argument);
}

RC_GTEST_PROP(ShareActionTest, SharesSumToOneAndNoneIsBelowTheFloor, ())
{
    const auto cells = *rc::gen::inRange<std::size_t>(1, 4);
    const auto slices = *rc::gen::inRange<std::size_t>(1, 9);
    const auto permille = *rc::gen::container<std::vector<int>>(cells * slices * SHARED_RESOURCES,
                                                                rc::gen::inRange(-100, 1200));
    std::vector<float> scores;
    for (const int value : permille)
    {
        scores.push_back(static_cast<float>(value) / 1000.0F);
    }
    std::vector<SliceControl> controls(cells * slices);
    SharesFromScores(scores, slices, controls);
    for (std::size_t cell = 0; cell < cells; ++cell)
    {
        double prb = 0.0;
        double power = 0.0;
        for (std::size_t slice = 0; slice < slices; ++slice)
        {
            const auto& control = controls[cell * slices + slice];
            RC_ASSERT(control.prb.min > 0.0499F && control.computeShare > 0.0499F);
            prb += control.prb.min;
            power += control.powerShare;
        }
        RC_ASSERT(std::abs(prb - 1.0) < 1e-6 && std::abs(power - 1.0) < 1e-6);
    }
}

} // namespace

} // namespace slicebridge
