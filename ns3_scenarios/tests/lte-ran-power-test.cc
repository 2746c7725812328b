// SPDX-License-Identifier: GPL-2.0-only
#include "lte/power-levels.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace slicebridge
{
namespace
{

using Policies = std::vector<RrmPolicyRatio>;

std::vector<double> Levels_db(const Policies& policies,
                              const std::vector<float>& shares,
                              const std::vector<UePowerRequest>& ues)
{
    std::vector<double> levels;
    for (const auto level : ChoosePaLevels(policies, shares, ues))
    {
        levels.push_back(PA_LEVELS_DB[level]);
    }
    return levels;
}

TEST(PaLevels, PowerInProportionToPrbsIsZeroDb)
{
    const Policies policies{{0.0F, 1.0F / 3, 1.0F}, {0.0F, 1.0F / 3, 1.0F}, {0.0F, 1.0F / 3, 1.0F}};
    const auto levels =
        Levels_db(policies, {1.0F / 3, 1.0F / 3, 1.0F / 3}, {{0, 0.0}, {1, 0.0}, {2, 0.0}});
    EXPECT_EQ(levels, (std::vector{0.0, 0.0, 0.0}));
}

TEST(PaLevels, LessPowerThanPrbsLowersToTheLevelBelow)
{
    const Policies policies{{0.0F, 0.5F, 1.0F}, {0.0F, 0.5F, 1.0F}};
    // 0.25 / 0.5 is -3.01 dB, just below the level of -3 dB.
    EXPECT_EQ(Levels_db(policies, {0.25F, 0.5F}, {{0, 0.0}, {1, 0.0}}), (std::vector{-4.77, 0.0}));
    EXPECT_EQ(Levels_db(policies, {0.0F, 0.5F}, {{0, 0.0}, {1, 0.0}}), (std::vector{-6.0, 0.0}));
}

TEST(PaLevels, BoostNeedsACapThatLeavesTheBudgetWhole)
{
    const std::vector<UePowerRequest> ues{{0, 0.0}, {1, 0.0}};
    // Slice 0 asks for 0.8 / 0.5 = 2.04 dB, slice 1 for 0.2 / 0.5 = -3.98 dB.
    const Policies capped{{0.0F, 0.5F, 0.5F}, {0.0F, 0.5F, 0.5F}};
    EXPECT_EQ(Levels_db(capped, {0.8F, 0.2F}, ues), (std::vector{2.0, -4.77}));
    const Policies open{{0.0F, 0.5F, 1.0F}, {0.0F, 0.5F, 1.0F}};
    EXPECT_EQ(Levels_db(open, {0.8F, 0.2F}, ues), (std::vector{0.0, -4.77}));
}

TEST(PaLevels, OffsetsOfUesShiftTheirOwnLevelOnly)
{
    const Policies policies{{0.0F, 1.0F, 1.0F}};
    EXPECT_EQ(Levels_db(policies, {1.0F}, {{0, -3.0}, {0, 0.0}, {0, -20.0}}),
              (std::vector{-3.0, 0.0, -6.0}));
}

TEST(PaLevels, WorstCaseIsWhatTheCapsAllow)
{
    const Policies policies{{0.0F, 0.2F, 0.4F}, {0.0F, 0.2F, 0.8F}};
    // The stronger slice takes its 40 %, the other 60 % of what is left.
    EXPECT_NEAR(WorstCasePower(policies, std::vector{2.0, 0.5}), 0.4 * 2.0 + 0.6 * 0.5, 1e-6);
    EXPECT_NEAR(WorstCasePower(policies, std::vector{0.5, 1.0}), 0.8 * 1.0 + 0.2 * 0.5, 1e-6);
}

TEST(PaLevels, NoAllocationWithinTheCapsPassesTheBudget)
{
    rc::check(
        []
        {
            const auto slices = *rc::gen::inRange<std::size_t>(1, 5);
            const auto ratio = [] { return *rc::gen::inRange(0, 1001) / 1000.0F; };
            Policies policies;
            std::vector<float> shares;
            for (std::size_t i = 0; i < slices; ++i)
            {
                const float min = ratio() / static_cast<float>(slices);
                policies.push_back({0.0F, min, std::max(min, ratio())});
                shares.push_back(ratio());
            }
            std::vector<UePowerRequest> ues;
            for (int i = *rc::gen::inRange(1, 8); i > 0; --i)
            {
                ues.push_back(
                    {*rc::gen::inRange<uint32_t>(0, slices), *rc::gen::inRange(-6, 4) * 1.0});
            }
            const auto levels = ChoosePaLevels(policies, shares, ues);
            std::vector<double> gains(slices, 0.0);
            for (std::size_t i = 0; i < ues.size(); ++i)
            {
                gains[ues[i].slice] = std::max(gains[ues[i].slice], PaGain(levels[i]));
            }
            // An allocation drawn at random within the caps, strongest case not presumed.
            double left = 1.0;
            double power = 0.0;
            for (std::size_t i = 0; i < slices; ++i)
            {
                const double part = std::min<double>(left, ratio() * policies[i].max);
                power += part * gains[i];
                left -= part;
            }
            RC_ASSERT(power <= 1.0 + 1e-6);
            RC_ASSERT(WorstCasePower(policies, gains) <= 1.0 + 1e-6);
            RC_ASSERT(WorstCasePower(policies, gains) >= power - 1e-9);
        });
}

} // namespace
} // namespace slicebridge
