// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/rrm-policy.h"
#include "slicing/unit-allocator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <random>
#include <rapidcheck.h>
#include <sstream>
#include <vector>

namespace slicebridge
{

namespace
{

constexpr uint32_t ALL = std::numeric_limits<uint32_t>::max();

/// Checks a property on `cases` cases, each made from a number of 32 bits.
void Holds(int cases, const std::function<void(uint32_t)>& property)
{
    const auto any = rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<uint32_t>());
    rc::detail::TestMetadata metadata;
    rc::detail::TestParams params;
    params.seed = 28541;
    params.maxSuccess = cases;
    const auto result = rc::detail::checkTestable([&] { property(*any); }, metadata, params);
    std::ostringstream message;
    rc::detail::printResultMessage(result, message);
    EXPECT_TRUE(result.template is<rc::detail::SuccessResult>()) << message.str();
}

/// A cell and what happens in it. Cases are drawn from one number, which keeps 10,000 of them fast.
struct Case
{
    uint32_t units{};
    std::vector<RrmPolicyRatio> policies;
    std::mt19937 random;

    double Uniform()
    {
        return std::uniform_real_distribution<>()(random);
    }

    uint32_t Below(uint32_t bound)
    {
        return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random);
    }
};

/// Feasible policies; zeros, whole parts of the units and full sums are frequent.
std::vector<RrmPolicyRatio> DrawPolicies(Case& cell, std::size_t slices)
{
    std::vector<double> min(slices);
    for (auto& ratio : min)
    {
        ratio = cell.Below(5) == 0 ? 0.0 : -std::log(1.0 - cell.Uniform());
    }
    const double total = cell.Below(2) == 0 ? 1.0 : cell.Uniform();
    const double sum = std::max(std::accumulate(min.begin(), min.end(), 0.0), 1e-9);
    std::vector<RrmPolicyRatio> policies(slices);
    for (std::size_t i = 0; i < slices; ++i)
    {
        double ratio = min[i] / sum * total;
        if (cell.Below(4) == 0)
        {
            ratio = std::floor(ratio * cell.units) / cell.units;
        }
        ratio = std::floor(ratio * 1e6) / 1e6; // what the allocator tells apart
        const double dedicated =
            cell.Below(2) == 0 ? 0.0 : std::floor(ratio * cell.Uniform() * 1e6) / 1e6;
        const double max = cell.Below(2) == 0 ? 1.0 : ratio + (1.0 - ratio) * cell.Uniform();
        policies[i] = {static_cast<float>(dedicated),
                       static_cast<float>(ratio),
                       std::max(static_cast<float>(max), static_cast<float>(ratio))};
    }
    return policies;
}

Case Draw(uint32_t seed)
{
    static constexpr std::array<uint32_t, 6> USUAL{6, 12, 17, 25, 100, 1};
    Case cell;
    cell.random.seed(seed);
    cell.units = cell.Below(2) == 0 ? USUAL[cell.Below(USUAL.size())] : 1 + cell.Below(275);
    cell.policies = DrawPolicies(cell, 1 + cell.Below(8));
    return cell;
}

std::vector<SliceDemand> DrawDemand(Case& cell, bool repetitions)
{
    std::vector<SliceDemand> demand(cell.policies.size());
    for (auto& slice : demand)
    {
        const std::array<uint32_t, 4> wanted{0, ALL, cell.Below(4), cell.Below(cell.units + 1)};
        slice.wanted = wanted[cell.Below(4)];
        if (repetitions && cell.Below(4) == 0)
        {
            slice.committed = cell.Below(cell.units / (1 + cell.Below(8)) + 1);
        }
    }
    return demand;
}

std::vector<uint32_t> Totals(UnitAllocator& allocator,
                             uint32_t units,
                             const std::vector<SliceDemand>& demand)
{
    const auto granted = allocator.Allocate(units, demand);
    std::vector<uint32_t> totals(demand.size());
    for (std::size_t i = 0; i < totals.size(); ++i)
    {
        totals[i] = demand[i].committed + granted[i];
    }
    return totals;
}

/// Units that a slice may have in a TTI: what it wants below its cap.
double Limit(const Case& cell, std::size_t slice, const SliceDemand& demand)
{
    const double wanted = static_cast<double>(demand.committed) + demand.wanted;
    return std::min<double>(WholeUnits(cell.policies[slice].max, cell.units), wanted);
}

/// Dedicated units that must stay idle, as a real number.
double Reserve(const Case& cell, const std::vector<SliceDemand>& demand)
{
    double reserve = 0.0;
    for (std::size_t i = 0; i < demand.size(); ++i)
    {
        const auto& policy = cell.policies[i];
        const double usable = std::min<double>(static_cast<double>(policy.dedicated) * cell.units,
                                               WholeUnits(policy.max, cell.units));
        reserve += std::max(0.0, usable - Limit(cell, i, demand[i]));
    }
    return reserve;
}

/// Exact shares where nothing is committed, by bisection: an independent way to the same numbers.
std::vector<double> ExactShares(const Case& cell, const std::vector<SliceDemand>& demand)
{
    const std::size_t slices = demand.size();
    std::vector<double> base(slices);
    std::vector<double> limit(slices);
    for (std::size_t i = 0; i < slices; ++i)
    {
        limit[i] = Limit(cell, i, demand[i]);
        base[i] = std::min(limit[i], static_cast<double>(cell.policies[i].min) * cell.units);
    }
    const double budget = cell.units - Reserve(cell, demand);
    auto raise = [&](double level, bool withMin)
    {
        double sum = 0.0;
        std::vector<double> shares(base);
        for (std::size_t i = 0; i < slices; ++i)
        {
            const double min = cell.policies[i].min;
            if (withMin == (min >= 1e-6))
            {
                shares[i] = std::min(limit[i], base[i] + level * (withMin ? min : 1.0));
            }
            sum += shares[i];
        }
        return std::pair(sum, shares);
    };
    for (const bool withMin : {true, false})
    {
        double low = 0.0;
        double high = 1e9;
        for (int step = 0; step < 100; ++step)
        {
            const double middle = (low + high) / 2.0;
            (raise(middle, withMin).first < budget ? low : high) = middle;
        }
        base = raise(low, withMin).second;
    }
    return base;
}

/// Every promise about one TTI that does not depend on those before.
void CheckTti(const Case& cell,
              const std::vector<SliceDemand>& demand,
              const std::vector<uint32_t>& totals,
              double slack)
{
    uint64_t committed = 0;
    uint64_t sum = 0;
    bool unsatisfied = false;
    for (std::size_t i = 0; i < demand.size(); ++i)
    {
        const uint32_t granted = totals[i] - demand[i].committed;
        RC_ASSERT(granted <= demand[i].wanted);
        const uint32_t cap = WholeUnits(cell.policies[i].max, cell.units);
        RC_ASSERT(totals[i] <= cap || granted == 0U);
        unsatisfied = unsatisfied || (granted < demand[i].wanted && totals[i] < cap);
        committed += demand[i].committed;
        sum += totals[i];
    }
    RC_ASSERT(sum <= std::max<uint64_t>(cell.units, committed));

    // Unused dedicated units stay idle, and, where a slice still wants units, nothing else.
    const double reserve =
        std::min(Reserve(cell, demand), std::max(0.0, double(cell.units) - double(committed)));
    RC_ASSERT(committed >= cell.units || sum + std::floor(reserve - slack) <= cell.units);
    RC_ASSERT(!unsatisfied || sum + std::ceil(reserve + slack) >= cell.units);
}

constexpr double RATIO_SLACK = 1e-3; ///< units; ratios count to a millionth

} // namespace

TEST(UnitAllocatorProperty, KeepsItsPromisesInEveryTti)
{
    Holds(20000,
          [](uint32_t seed)
          {
              auto cell = Draw(seed);
              UnitAllocator allocator(cell.policies.size());
              allocator.SetPolicies(cell.policies);
              for (int tti = 0; tti < 8; ++tti)
              {
                  const auto demand = DrawDemand(cell, true);
                  CheckTti(cell, demand, Totals(allocator, cell.units, demand), RATIO_SLACK);
              }
          });
}

TEST(UnitAllocatorProperty, GuaranteesTheWholeUnitsOfMin)
{
    Holds(20000,
          [](uint32_t seed)
          {
              auto cell = Draw(seed);
              UnitAllocator allocator(cell.policies.size());
              allocator.SetPolicies(cell.policies);
              for (int tti = 0; tti < 8; ++tti)
              {
                  const auto demand = DrawDemand(cell, false);
                  const auto totals = Totals(allocator, cell.units, demand);
                  for (std::size_t i = 0; i < demand.size(); ++i)
                  {
                      // A slice may be one unit short where it pays back a debt, so not at first.
                      const double due =
                          std::min<double>(Limit(cell, i, demand[i]),
                                           WholeUnits(cell.policies[i].min, cell.units));
                      RC_ASSERT(totals[i] + (tti == 0 ? 0.0 : 1.0) >= due);
                  }
              }
          });
}

TEST(UnitAllocatorProperty, StaysWithinTwoUnitsOfTheExactSharesForEver)
{
    Holds(10000,
          [](uint32_t seed)
          {
              auto cell = Draw(seed);
              UnitAllocator allocator(cell.policies.size());
              allocator.SetPolicies(cell.policies);
              std::vector<double> ahead(cell.policies.size());
              const bool steady = cell.Below(2) == 0;
              auto demand = DrawDemand(cell, false);
              for (int tti = 0; tti < 60; ++tti)
              {
                  demand = steady ? demand : DrawDemand(cell, false);
                  const auto exact = ExactShares(cell, demand);
                  const auto totals = Totals(allocator, cell.units, demand);
                  for (std::size_t i = 0; i < ahead.size(); ++i)
                  {
                      ahead[i] += totals[i] - exact[i];
                      RC_ASSERT(std::abs(ahead[i]) < (steady ? 1.0 : 2.0));
                  }
              }
          });
}

TEST(UnitAllocatorProperty, MeetsTheRatiosUnderHarqAtSaturation)
{
    Holds(300,
          [](uint32_t seed)
          {
              auto cell = Draw(seed);
              cell.units = cell.Below(2) == 0 ? 12 : 25;
              const std::size_t slices = cell.policies.size();
              const double last =
                  1.0 - std::accumulate(cell.policies.begin(),
                                        cell.policies.end(),
                                        0.0,
                                        [](double sum, const auto& p) { return sum + p.min; });
              cell.policies.push_back({0.0F, static_cast<float>(std::max(0.0, last)), 1.0F});
              UnitAllocator allocator(slices + 1);
              for (auto& policy : cell.policies)
              {
                  policy = {0.0F, policy.min, 1.0F};
              }
              allocator.SetPolicies(Project(cell.policies));
              constexpr int TTIS = 4000;
              constexpr int HARQ_TTIS = 8;
              std::vector<std::vector<uint32_t>> sent;
              std::vector<double> sums(slices + 1);
              for (int tti = 0; tti < TTIS; ++tti)
              {
                  std::vector<SliceDemand> demand(slices + 1, {ALL, 0});
                  for (std::size_t i = 0; tti >= HARQ_TTIS && i <= slices; ++i)
                  {
                      demand[i].committed = cell.Below(10) == 0 ? sent[tti - HARQ_TTIS][i] : 0;
                  }
                  sent.push_back(Totals(allocator, cell.units, demand));
                  std::transform(sums.begin(),
                                 sums.end(),
                                 sent.back().begin(),
                                 sums.begin(),
                                 std::plus<>());
              }
              for (std::size_t i = 0; i <= slices; ++i)
              {
                  const double share = sums[i] / (TTIS * double(cell.units));
                  RC_ASSERT(std::abs(share - cell.policies[i].min) < 1e-3);
              }
          });
}

TEST(UnitAllocatorProperty, DoesNotDependOnTheOrderOfSlices)
{
    Holds(20000,
          [](uint32_t seed)
          {
              auto cell = Draw(seed);
              const std::size_t slices = cell.policies.size();
              auto demand = DrawDemand(cell, false);
              // Remainders that are equal are ties, which the slice id breaks.
              auto remainders = ExactShares(cell, demand);
              remainders.push_back(Reserve(cell, demand));
              for (auto& share : remainders)
              {
                  share -= std::floor(share + RATIO_SLACK);
              }
              std::sort(remainders.begin(), remainders.end());
              for (std::size_t i = 1; i < remainders.size(); ++i)
              {
                  RC_PRE(remainders[i] < RATIO_SLACK ||
                         remainders[i] - remainders[i - 1] > RATIO_SLACK);
              }
              std::vector<std::size_t> order(slices);
              std::iota(order.begin(), order.end(), 0);
              std::shuffle(order.begin(), order.end(), cell.random);
              std::vector<RrmPolicyRatio> policies(slices);
              std::vector<SliceDemand> permuted(slices);
              for (std::size_t i = 0; i < slices; ++i)
              {
                  policies[i] = cell.policies[order[i]];
                  permuted[i] = demand[order[i]];
              }
              UnitAllocator allocator(slices);
              allocator.SetPolicies(cell.policies);
              const auto totals = Totals(allocator, cell.units, demand);
              UnitAllocator other(slices);
              other.SetPolicies(policies);
              const auto others = Totals(other, cell.units, permuted);
              for (std::size_t i = 0; i < slices; ++i)
              {
                  RC_ASSERT(others[i] == totals[order[i]]);
              }
          });
}

TEST(UnitAllocatorProperty, EqualSlicesDifferByOneUnitInFavourOfTheLowerId)
{
    Holds(10000,
          [](uint32_t seed)
          {
              auto cell = Draw(seed);
              const std::size_t slices = cell.policies.size();
              cell.policies.assign(slices, {0.0F, 1.0F / static_cast<float>(slices), 1.0F});
              UnitAllocator allocator(slices);
              allocator.SetPolicies(Project(cell.policies));
              const std::vector<SliceDemand> demand(slices, {ALL, 0});
              const auto totals = Totals(allocator, cell.units, demand);
              RC_ASSERT(std::is_sorted(totals.rbegin(), totals.rend()));
              RC_ASSERT(totals.front() - totals.back() <= 1U);
          });
}

TEST(RrmPolicyProperty, ProjectionIsFeasibleAndLeavesFeasiblePoliciesAlone)
{
    Holds(10000,
          [](uint32_t seed)
          {
              auto cell = Draw(seed);
              auto same = [](const auto& a, const auto& b)
              { return a.dedicated == b.dedicated && a.min == b.min && a.max == b.max; };
              RC_ASSERT(IsFeasible(cell.policies));
              const auto untouched = Project(cell.policies);
              RC_ASSERT(
                  std::equal(untouched.begin(), untouched.end(), cell.policies.begin(), same));

              static constexpr std::array<float, 6> ODD{std::numeric_limits<float>::quiet_NaN(),
                                                        std::numeric_limits<float>::infinity(),
                                                        -std::numeric_limits<float>::infinity(),
                                                        -0.5F,
                                                        1.5F,
                                                        0.0F};
              auto draw = [&]
              { return cell.Below(3) == 0 ? ODD[cell.Below(ODD.size())] : float(cell.Uniform()); };
              for (auto& policy : cell.policies)
              {
                  policy = {draw(), draw(), draw()};
              }
              const auto projected = Project(cell.policies);
              RC_ASSERT(projected.size() == cell.policies.size());
              RC_ASSERT(IsFeasible(projected));
              const auto again = Project(projected);
              RC_ASSERT(std::equal(again.begin(), again.end(), projected.begin(), same));
          });
}

} // namespace slicebridge
