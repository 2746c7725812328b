// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/unit-allocator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace slicebridge
{

namespace
{

constexpr uint32_t ALL = std::numeric_limits<uint32_t>::max();

/// Sums of units given to each slice over `ttis` TTIs of the same demand.
std::vector<uint64_t> Totals(UnitAllocator& allocator,
                             uint32_t units,
                             const std::vector<SliceDemand>& demand,
                             int ttis)
{
    std::vector<uint64_t> sums(demand.size());
    for (int tti = 0; tti < ttis; ++tti)
    {
        const auto granted = allocator.Allocate(units, demand);
        for (std::size_t i = 0; i < sums.size(); ++i)
        {
            sums[i] += demand[i].committed + granted[i];
        }
    }
    return sums;
}

std::vector<uint32_t> Once(const std::vector<RrmPolicyRatio>& policies,
                           uint32_t units,
                           const std::vector<SliceDemand>& demand)
{
    UnitAllocator allocator(policies.size());
    allocator.SetPolicies(policies);
    const auto granted = allocator.Allocate(units, demand);
    return {granted.begin(), granted.end()};
}

using Units = std::vector<uint32_t>;

const std::vector<RrmPolicyRatio> SPLIT_50_30_20{{0, 0.5F, 1}, {0, 0.3F, 1}, {0, 0.2F, 1}};

} // namespace

TEST(WholeUnits, RoundsDownButForTheErrorOfAFloat)
{
    EXPECT_EQ(WholeUnits(0.3F, 10), 3U);
    EXPECT_EQ(WholeUnits(0.7F, 10), 7U);
    EXPECT_EQ(WholeUnits(0.29F, 100), 29U);
    EXPECT_EQ(WholeUnits(0.57F, 100), 57U);
    EXPECT_EQ(WholeUnits(0.3F, 12), 3U);
    EXPECT_EQ(WholeUnits(0.99999F, 100), 99U);
    EXPECT_EQ(WholeUnits(1.0F, 275), 275U);
    EXPECT_EQ(WholeUnits(0.0F, 275), 0U);
    for (uint32_t units = 1; units <= 275; ++units)
    {
        for (uint32_t part = 0; part <= units; ++part)
        {
            const auto ratio = static_cast<float>(part) / static_cast<float>(units);
            ASSERT_EQ(WholeUnits(ratio, units), part) << part << "/" << units;
        }
    }
}

TEST(UnitAllocator, MeetsTheRatiosExactlyWhenAllSlicesAreSaturated)
{
    for (const uint32_t units : {12U, 25U, 6U, 17U, 100U})
    {
        UnitAllocator allocator(3);
        allocator.SetPolicies(SPLIT_50_30_20);
        const auto sums = Totals(allocator, units, {{ALL, 0}, {ALL, 0}, {ALL, 0}}, 10000);
        EXPECT_EQ(sums, (std::vector<uint64_t>{5000 * units, 3000 * units, 2000 * units}));
    }
}

TEST(UnitAllocator, IsNeverMoreThanAUnitFromTheRatiosMeanwhile)
{
    UnitAllocator allocator(3);
    allocator.SetPolicies(SPLIT_50_30_20);
    std::array<double, 3> ahead{};
    for (int tti = 0; tti < 1000; ++tti)
    {
        const auto granted =
            allocator.Allocate(12, std::array<SliceDemand, 3>{{{ALL}, {ALL}, {ALL}}});
        for (std::size_t i = 0; i < 3; ++i)
        {
            ahead[i] += granted[i] - 12.0 * SPLIT_50_30_20[i].min;
            ASSERT_LT(std::abs(ahead[i]), 1.0);
        }
    }
}

TEST(UnitAllocator, LeavesUnusedDedicatedUnitsIdle)
{
    const std::vector<RrmPolicyRatio> policies{{0.25F, 0.5F, 1}, {0, 0.5F, 1}};
    EXPECT_EQ(Once(policies, 12, {{0, 0}, {ALL, 0}}), (Units{0, 9}));
    EXPECT_EQ(Once(policies, 12, {{2, 0}, {ALL, 0}}), (Units{2, 9}));
    EXPECT_EQ(Once(policies, 12, {{4, 0}, {ALL, 0}}), (Units{4, 8}));
}

TEST(UnitAllocator, LeavesFractionsOfDedicatedUnitsIdleInTheLongRun)
{
    UnitAllocator allocator(2);
    allocator.SetPolicies(std::vector<RrmPolicyRatio>{{0.2F, 0.2F, 1}, {0, 0.8F, 1}});
    EXPECT_EQ(Totals(allocator, 12, {{0, 0}, {ALL, 0}}, 1000), (std::vector<uint64_t>{0, 9600}));
}

TEST(UnitAllocator, LendsTheMinimumOfAnIdleSlice)
{
    EXPECT_EQ(Once(SPLIT_50_30_20, 12, {{0, 0}, {ALL, 0}, {0, 0}}), (Units{0, 12, 0}));
}

TEST(UnitAllocator, GivesALentMinimumBackAtOnce)
{
    UnitAllocator allocator(2);
    allocator.SetPolicies(std::vector<RrmPolicyRatio>{{0, 0.5F, 1}, {0, 0.5F, 1}});
    Totals(allocator, 12, {{0, 0}, {ALL, 0}}, 1000);
    const auto granted = allocator.Allocate(12, std::vector<SliceDemand>{{ALL, 0}, {ALL, 0}});
    EXPECT_EQ(granted[0], 6U);
    EXPECT_EQ(granted[1], 6U);
}

TEST(UnitAllocator, SharesTheSpareInProportionToTheMinima)
{
    const std::vector<RrmPolicyRatio> policies{{0, 0.2F, 1}, {0, 0.1F, 1}, {0, 0.7F, 1}};
    EXPECT_EQ(Once(policies, 12, {{ALL, 0}, {ALL, 0}, {0, 0}}), (Units{8, 4, 0}));
}

TEST(UnitAllocator, SharesTheSpareEquallyAmongSlicesWithoutMinimum)
{
    const std::vector<RrmPolicyRatio> policies{{0, 0, 1}, {0, 0, 1}, {0, 0.5F, 0.5F}};
    EXPECT_EQ(Once(policies, 12, {{ALL, 0}, {ALL, 0}, {ALL, 0}}), (Units{3, 3, 6}));
    EXPECT_EQ(Once(policies, 12, {{1, 0}, {ALL, 0}, {ALL, 0}}), (Units{1, 5, 6}));
}

TEST(UnitAllocator, PassesNoCapAndLeavesTheRestIdle)
{
    const std::vector<RrmPolicyRatio> policies{{0, 0.1F, 0.3F}, {0, 0.1F, 0.25F}};
    EXPECT_EQ(Once(policies, 12, {{ALL, 0}, {ALL, 0}}), (Units{3, 3}));
}

TEST(UnitAllocator, CountsRepetitionsAgainstTheSlice)
{
    const std::vector<RrmPolicyRatio> policies{{0, 0.5F, 0.5F}, {0, 0.5F, 1}};
    EXPECT_EQ(Once(policies, 12, {{ALL, 4}, {ALL, 0}}), (Units{2, 6}));
    EXPECT_EQ(Once(policies, 12, {{ALL, 6}, {ALL, 0}}), (Units{0, 6}));
    EXPECT_EQ(Once(policies, 12, {{ALL, 8}, {ALL, 0}}), (Units{0, 4}));
    EXPECT_EQ(Once(policies, 12, {{ALL, 12}, {ALL, 0}}), (Units{0, 0}));
    EXPECT_EQ(Once(policies, 12, {{ALL, 9}, {ALL, 9}}), (Units{0, 0}));
}

TEST(UnitAllocator, RepetitionsBeyondTheShareArePaidBack)
{
    UnitAllocator allocator(3);
    allocator.SetPolicies(SPLIT_50_30_20);
    std::array<uint64_t, 3> sums{};
    for (int tti = 0; tti < 10000; ++tti)
    {
        // Every tenth TTI slice 2 repeats what it sent in one where it had three units, not two.
        std::vector<SliceDemand> demand{{ALL, 0}, {ALL, 0}, {ALL, tti % 10 == 0 ? 3U : 0U}};
        const auto granted = allocator.Allocate(12, demand);
        for (std::size_t i = 0; i < 3; ++i)
        {
            sums[i] += demand[i].committed + granted[i];
        }
    }
    EXPECT_NEAR(static_cast<double>(sums[0]), 60000.0, 2.0);
    EXPECT_NEAR(static_cast<double>(sums[1]), 36000.0, 2.0);
    EXPECT_NEAR(static_cast<double>(sums[2]), 24000.0, 2.0);
}

TEST(UnitAllocator, RepetitionsArePaidBackWhereNothingIsRounded)
{
    UnitAllocator allocator(2);
    allocator.SetPolicies(std::vector<RrmPolicyRatio>{{0, 0.5F, 1}, {0, 0.5F, 1}});
    const std::vector<SliceDemand> usual{{ALL, 0}, {ALL, 0}};
    const std::vector<SliceDemand> repetition{{ALL, 0}, {ALL, 7}};
    uint64_t sum = 0;
    for (int round = 0; round < 100; ++round)
    {
        const auto first = Totals(allocator, 12, repetition, 1);
        EXPECT_EQ(first, (std::vector<uint64_t>{5, 7}));
        const auto later = Totals(allocator, 12, usual, 9);
        sum += first[0] + later[0];
    }
    EXPECT_EQ(sum, 6000U);
}

TEST(UnitAllocator, ForgivesARepetitionThatTookFarTooMuch)
{
    UnitAllocator allocator(2);
    allocator.SetPolicies(std::vector<RrmPolicyRatio>{{0, 0.5F, 1}, {0, 0.5F, 1}});
    Totals(allocator, 12, {{ALL, 0}, {ALL, 12}}, 1);
    const auto sums = Totals(allocator, 12, {{ALL, 0}, {ALL, 0}}, 100);
    EXPECT_EQ(sums, (std::vector<uint64_t>{602, 598}));
}

TEST(UnitAllocator, ASliceWithoutDemandGathersNoClaim)
{
    UnitAllocator allocator(2);
    allocator.SetPolicies(std::vector<RrmPolicyRatio>{{0, 0.55F, 1}, {0, 0.45F, 1}});
    Totals(allocator, 10, {{0, 0}, {ALL, 0}}, 100000);
    const auto sums = Totals(allocator, 10, {{ALL, 0}, {ALL, 0}}, 100);
    EXPECT_NEAR(static_cast<double>(sums[0]), 550.0, 1.0);
    EXPECT_NEAR(static_cast<double>(sums[1]), 450.0, 1.0);
}

TEST(UnitAllocator, BreaksTiesByIdAndEvensThemOut)
{
    UnitAllocator allocator(2);
    allocator.SetPolicies(std::vector<RrmPolicyRatio>{{0, 0.5F, 1}, {0, 0.5F, 1}});
    const std::vector<SliceDemand> demand{{ALL, 0}, {ALL, 0}};
    EXPECT_EQ(allocator.Allocate(5, demand)[0], 3U);
    EXPECT_EQ(allocator.Allocate(5, demand)[0], 2U);
    EXPECT_EQ(allocator.Allocate(5, demand)[0], 3U);
}

TEST(UnitAllocator, CopesWithNothingToShare)
{
    EXPECT_EQ(Once(SPLIT_50_30_20, 0, {{ALL, 0}, {ALL, 0}, {ALL, 0}}), (Units{0, 0, 0}));
    EXPECT_EQ(Once(SPLIT_50_30_20, 12, {{0, 0}, {0, 0}, {0, 0}}), (Units{0, 0, 0}));
    EXPECT_EQ(Once(SPLIT_50_30_20, 1, {{ALL, 0}, {ALL, 0}, {ALL, 0}}), (Units{1, 0, 0}));
}

TEST(UnitAllocator, RefusesPoliciesThatAreInfeasibleOrTooFew)
{
    UnitAllocator allocator(2);
    EXPECT_THROW(allocator.SetPolicies(std::vector<RrmPolicyRatio>{{0, 0.6F, 1}, {0, 0.6F, 1}}),
                 std::invalid_argument);
    EXPECT_THROW(allocator.SetPolicies(std::vector<RrmPolicyRatio>{{0, 0.6F, 1}}),
                 std::invalid_argument);
}

} // namespace slicebridge
