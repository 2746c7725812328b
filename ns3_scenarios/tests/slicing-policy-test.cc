// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/control-projection.h"
#include "slicing/five-qi.h"
#include "slicing/rrm-policy.h"
#include "slicing/ue-ranking.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace slicebridge
{

namespace
{

constexpr float NOT_A_NUMBER = std::numeric_limits<float>::quiet_NaN();

using Policies = std::vector<RrmPolicyRatio>;

void ExpectPolicy(const RrmPolicyRatio& policy, float dedicated, float min, float max)
{
    EXPECT_FLOAT_EQ(policy.dedicated, dedicated);
    EXPECT_FLOAT_EQ(policy.min, min);
    EXPECT_FLOAT_EQ(policy.max, max);
}

} // namespace

TEST(RrmPolicy, FeasibleMeansEveryInequality)
{
    EXPECT_TRUE(IsFeasible(Policies{}));
    EXPECT_TRUE(IsFeasible(Policies{{0, 0, 0}}));
    EXPECT_TRUE(IsFeasible(Policies{{0.1F, 0.5F, 1}, {0.5F, 0.5F, 0.5F}}));
    EXPECT_FALSE(IsFeasible(Policies{{0.3F, 0.2F, 1}}));
    EXPECT_FALSE(IsFeasible(Policies{{0, 0.5F, 0.4F}}));
    EXPECT_FALSE(IsFeasible(Policies{{0, 0.5F, 1.1F}}));
    EXPECT_FALSE(IsFeasible(Policies{{-0.1F, 0.5F, 1}}));
    EXPECT_FALSE(IsFeasible(Policies{{0, 0.5F, 1}, {0, 0.51F, 1}}));
    EXPECT_FALSE(IsFeasible(Policies{{NOT_A_NUMBER, 0.5F, 1}}));
    EXPECT_FALSE(IsFeasible(Policies{{0, NOT_A_NUMBER, 1}}));
    EXPECT_FALSE(IsFeasible(Policies{{0, 0.5F, NOT_A_NUMBER}}));
}

TEST(RrmPolicy, ToleratesAMillionthAndNoMore)
{
    EXPECT_TRUE(IsFeasible(Policies{{0, 0.5F, 1}, {0, 0.5000005F, 1}}));
    EXPECT_FALSE(IsFeasible(Policies{{0, 0.5F, 1}, {0, 0.500003F, 1}}));
    EXPECT_TRUE(IsFeasible(Policies(6, {1.0F / 6, 1.0F / 6, 1})));
}

TEST(RrmPolicy, ProjectionScalesMinimaAndThenOrdersTheRatios)
{
    const auto projected = Project(Policies{{0.9F, 0.8F, 0.1F}, {0.0F, 0.8F, 1.0F}});
    ExpectPolicy(projected[0], 0.5F, 0.5F, 0.5F);
    ExpectPolicy(projected[1], 0.0F, 0.5F, 1.0F);
}

TEST(RrmPolicy, ProjectionClampsAndTakesNotANumberForZero)
{
    const auto projected = Project(Policies{{-1, 0.2F, 7}, {NOT_A_NUMBER, 0.1F, NOT_A_NUMBER}});
    ExpectPolicy(projected[0], 0.0F, 0.2F, 1.0F);
    ExpectPolicy(projected[1], 0.0F, 0.1F, 0.1F);
}

TEST(ControlProjection, TreatsEachCellAlone)
{
    const RrmPolicyRatio half{0, 0.5F, 1};
    const std::vector<SliceControl> requested{{half, 0.5F, 0.5F},
                                              {half, 0.5F, 0.25F},
                                              {{0, 1, 1}, 1.0F, 3.0F},
                                              {{0, 1, 1}, 3.0F, NOT_A_NUMBER}};
    const auto projected = ProjectSlices(requested, 2);
    EXPECT_EQ(projected[0].computeShare, 0.5F);
    EXPECT_EQ(projected[1].powerShare, 0.25F);
    EXPECT_EQ(projected[1].prb.min, 0.5F);
    EXPECT_EQ(projected[2].computeShare, 0.5F);
    EXPECT_EQ(projected[3].computeShare, 0.5F);
    EXPECT_EQ(projected[2].powerShare, 1.0F);
    EXPECT_EQ(projected[3].powerShare, 0.0F);
    EXPECT_EQ(projected[3].prb.min, 0.5F);
}

TEST(ControlProjection, ClampsUeControls)
{
    std::vector<UeControl> ues{{1000, -9}, {0, 9}, {NOT_A_NUMBER, NOT_A_NUMBER}, {2, 1}};
    ProjectUes(ues);
    EXPECT_EQ(ues[0].weight, 100.0F);
    EXPECT_EQ(ues[0].powerOffset_db, -6.0F);
    EXPECT_EQ(ues[1].weight, 0.01F);
    EXPECT_EQ(ues[1].powerOffset_db, 3.0F);
    EXPECT_EQ(ues[2].weight, 1.0F);
    EXPECT_EQ(ues[2].powerOffset_db, 0.0F);
    EXPECT_EQ(ues[3].weight, 2.0F);
    EXPECT_EQ(ues[3].powerOffset_db, 1.0F);
}

TEST(ControlProjection, BeginsWithTheSlicesPoliciesAndEvenPower)
{
    std::vector<SliceConfig> slices(2);
    slices[0].policy = {0.1F, 0.6F, 0.9F};
    slices[1].policy = {0.0F, 0.2F, 1.0F};
    const auto controls = InitialControls(2, slices);
    ASSERT_EQ(controls.size(), 4U);
    ExpectPolicy(controls[2].prb, 0.1F, 0.6F, 0.9F);
    EXPECT_FLOAT_EQ(controls[2].computeShare, 0.5F);
    EXPECT_FLOAT_EQ(controls[2].powerShare, 0.75F);
    EXPECT_FLOAT_EQ(controls[3].powerShare, 0.25F);

    slices[0].policy.min = slices[1].policy.min = slices[0].policy.dedicated = 0.0F;
    EXPECT_FLOAT_EQ(InitialControls(1, slices)[0].powerShare, 0.5F);
}

TEST(UeRanking, FollowsTheFormulaOfEachRule)
{
    const UeRankingInput ue{6e6, 2e6, 30.0, 100.0, 0.01, 7, 2.0};
    EXPECT_DOUBLE_EQ(Rank(SchedulingRule::RoundRobin, ue), 14.0);
    EXPECT_DOUBLE_EQ(Rank(SchedulingRule::ProportionalFair, ue), 6.0);
    EXPECT_DOUBLE_EQ(Rank(SchedulingRule::MaxCqi, ue), 12e6);
    EXPECT_NEAR(Rank(SchedulingRule::MLwdf, ue), 2.0 * 4.605170 / 100.0 * 30.0 * 3.0, 1e-5);
}

TEST(UeRanking, MLwdfPrefersTheTighterDeadline)
{
    UeRankingInput relaxed{1e6, 1e6, 5.0, 300.0, 1e-2, 1, 1.0};
    UeRankingInput tight = relaxed;
    tight.delayBudget_ms = 10.0;
    EXPECT_GT(Rank(SchedulingRule::MLwdf, tight), Rank(SchedulingRule::MLwdf, relaxed));
    tight = relaxed;
    tight.lossTarget = 1e-4;
    EXPECT_DOUBLE_EQ(Rank(SchedulingRule::MLwdf, tight),
                     2.0 * Rank(SchedulingRule::MLwdf, relaxed));
}

struct Standardised
{
    uint8_t fiveQi;
    double delayBudget_ms;
    double packetErrorRate;
};

/// Rows of all resource types, and those in which lists tend to differ.
TEST(FiveQi, HasTheCharacteristicsOfTheStandard)
{
    for (const auto& row : {Standardised{1, 100, 1e-2},
                            Standardised{4, 300, 1e-6},
                            Standardised{9, 300, 1e-6},
                            Standardised{10, 1100, 1e-6},
                            Standardised{65, 75, 1e-2},
                            Standardised{69, 60, 1e-6},
                            Standardised{73, 300, 1e-8},
                            Standardised{75, 50, 1e-2},
                            Standardised{79, 50, 1e-2},
                            Standardised{80, 10, 1e-6},
                            Standardised{82, 10, 1e-4},
                            Standardised{84, 30, 1e-5},
                            Standardised{85, 5, 1e-5},
                            Standardised{90, 20, 1e-4}})
    {
        const auto found = FindFiveQi(row.fiveQi);
        ASSERT_TRUE(found) << int{row.fiveQi};
        EXPECT_EQ(found->delayBudget_ms, row.delayBudget_ms) << int{row.fiveQi};
        EXPECT_EQ(found->packetErrorRate, row.packetErrorRate) << int{row.fiveQi};
    }
    EXPECT_EQ(FiveQiTable().size(), 32U);
}

TEST(FiveQi, TheReservedAndTheUnknownAreNone)
{
    EXPECT_TRUE(IsFiveQi(10));
    EXPECT_FALSE(IsFiveQi(75)) << "a QCI of EPS alone";
    for (const uint8_t value : {0, 11, 64, 68, 77, 78, 81, 91, 200})
    {
        EXPECT_FALSE(FindFiveQi(value)) << int{value};
        EXPECT_FALSE(IsFiveQi(value)) << int{value};
    }
}

TEST(FiveQi, TheSlaGoesFirst)
{
    SliceConfig slice;
    slice.fiveQi = 82;
    EXPECT_EQ(DelayBudget_ms(slice), 10.0);
    EXPECT_EQ(LossTarget(slice), 1e-4);
    slice.sla.delayBudget_ms = 7.0;
    slice.sla.reliability = 0.99;
    EXPECT_EQ(DelayBudget_ms(slice), 7.0);
    EXPECT_NEAR(LossTarget(slice), 0.01, 1e-12);
    slice = {};
    slice.fiveQi = 200;
    EXPECT_EQ(DelayBudget_ms(slice), 300.0);
}

} // namespace slicebridge
