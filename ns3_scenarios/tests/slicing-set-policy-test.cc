// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/layer-products.h"
#include "slicing/portable-math.h"
#include "slicing/set-policy.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <new>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

namespace
{

std::size_t g_allocations = 0;

} // namespace

void* operator new(std::size_t size)
{
    ++g_allocations;
    if (void* memory = std::malloc(size))
    {
        return memory;
    }
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept
{
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

namespace slicebridge
{
namespace
{

std::vector<float> RandomWeights(const SetPolicyShape& shape, unsigned seed)
{
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal(0.0F, 0.3F);
    std::vector<float> weights(SetPolicy::WeightCount(shape));
    std::generate(weights.begin(), weights.end(), [&] { return normal(engine); });
    return weights;
}

std::vector<double> RandomInputs(std::size_t count, unsigned seed)
{
    std::mt19937 engine(seed);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    std::vector<double> inputs(count);
    std::generate(inputs.begin(), inputs.end(), [&] { return uniform(engine); });
    return inputs;
}

std::vector<double> MeansOf(SetPolicy& policy,
                            const std::vector<double>& own,
                            const std::vector<double>& common,
                            std::size_t ues)
{
    std::vector<double> means(ues * SetPolicy::ACTIONS);
    policy.Means(own, common, means);
    return means;
}

const SetPolicyShape SHAPE{.own = 9,
                           .common = 6,
                           .context = 3,
                           .encoder = {32, 17},
                           .head = {33, 2},
                           .activation = Activation::Tanh};

} // namespace

TEST(PortableMath, AgreesWithTheCLibrary)
{
    for (double x = -700.0; x < 700.0; x += 0.37)
    {
        EXPECT_NEAR(portable::Exp(x) / std::exp(x), 1.0, 1e-13) << x;
    }
    for (double x = -20.0; x < 20.0; x += 0.0137)
    {
        EXPECT_NEAR(portable::Tanh(x), std::tanh(x), 1e-13) << x;
    }
    for (double x = 1e-300; x < 1e300; x *= 1.7)
    {
        EXPECT_NEAR(portable::Log(x), std::log(x), 1e-13 * std::max(1.0, std::abs(std::log(x))))
            << x;
    }
    for (double turns = -2.0; turns < 2.0; turns += 0.00371)
    {
        const auto [sine, cosine] = portable::SinCosOfTurns(turns);
        EXPECT_NEAR(sine, std::sin(2.0 * std::numbers::pi * turns), 1e-13) << turns;
        EXPECT_NEAR(cosine, std::cos(2.0 * std::numbers::pi * turns), 1e-13) << turns;
    }
}

TEST(PortableMath, LeavesTheRangeOfDoubleInGoodOrder)
{
    constexpr double INFINITE = std::numeric_limits<double>::infinity();
    constexpr double NOT_A_NUMBER = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(portable::Tanh(INFINITE), 1.0);
    EXPECT_EQ(portable::Tanh(-INFINITE), -1.0);
    EXPECT_TRUE(std::isnan(portable::Exp(NOT_A_NUMBER)));
    EXPECT_TRUE(std::isnan(portable::Tanh(NOT_A_NUMBER)));
    EXPECT_LT(portable::Exp(-INFINITE), 1e-300);
    EXPECT_GT(portable::Exp(INFINITE), 1e300);
}

// One encoder layer of one unit, h = relu(own + 2 common + 3 context - 1); the head reads
// [h, mean, max, log(1 + N)] and gives [h + 10 mean, 100 max + log(1 + N) + 0.5].
TEST(SetPolicy, GivesWhatItsFormulaSays)
{
    const SetPolicyShape shape{.own = 1, .common = 1, .context = 1, .encoder = {1}, .head = {2}};
    const std::vector<float> weights{1,
                                     2,
                                     3,
                                     -1, // encoder: weight, bias
                                     1,
                                     10,
                                     0,
                                     0, // head: weight of the first action
                                     0,
                                     0,
                                     100,
                                     1, // of the second
                                     0,
                                     0.5F, // head: bias
                                     0,
                                     std::log(2.0F), // log standard deviations
                                     0.25F};         // context
    SetPolicy policy(shape, weights, 3);
    EXPECT_DOUBLE_EQ(policy.Deviation(0), 1.0);
    EXPECT_NEAR(policy.Deviation(1), 2.0, 1e-7);
    // Before relu: own + 2 * 0.5 + 0.75 - 1, so 0.75, 4.75 and -0.25.
    const auto means = MeansOf(policy, {0.0, 4.0, -1.0}, {0.5}, 3);
    const double mean = (0.75 + 4.75) / 3.0;
    const double second = 475.0 + std::log(4.0) + 0.5;
    const std::vector<double> expected{0.75 + 10 * mean,
                                       second,
                                       4.75 + 10 * mean,
                                       second,
                                       0.0 + 10 * mean,
                                       second};
    for (std::size_t i = 0; i < expected.size(); ++i)
    {
        EXPECT_NEAR(means[i], expected[i], 1e-12) << i;
    }
}

TEST(SetPolicy, ADeepNetworkIsASumOfProducts)
{
    // Every layer of width 3 sums its inputs: tanh(tanh(x + x) * 3) and so on, by symmetry.
    const SetPolicyShape shape{.own = 2,
                               .common = 1,
                               .context = 0,
                               .encoder = {3, 5},
                               .head = {3, 2},
                               .activation = Activation::Tanh};
    std::vector<float> weights(SetPolicy::WeightCount(shape), 0.125F);
    SetPolicy policy(shape, weights, 1);
    const double first = std::tanh(0.125 * (0.5 + 0.25 + 1.0) + 0.125);
    const double h = std::tanh(0.125 * 3 * first + 0.125);
    const double hidden = std::tanh(0.125 * (15 * h + std::log(2.0)) + 0.125);
    const auto means = MeansOf(policy, {0.5, 0.25}, {1.0}, 1);
    EXPECT_NEAR(means[0], 0.125 * 3 * hidden + 0.125, 1e-12);
    EXPECT_NEAR(means[1], means[0], 1e-12);
}

TEST(SetPolicy, TheOrderOfUesChangesNothing)
{
    constexpr std::size_t UES = 20;
    SetPolicy policy(SHAPE, RandomWeights(SHAPE, 1), UES);
    const auto own = RandomInputs(UES * SHAPE.own, 2);
    const auto common = RandomInputs(SHAPE.common, 3);
    const auto means = MeansOf(policy, own, common, UES);
    std::mt19937 engine(4);
    std::vector<std::size_t> order(UES);
    std::iota(order.begin(), order.end(), 0);
    for (int round = 0; round < 20; ++round)
    {
        std::shuffle(order.begin(), order.end(), engine);
        std::vector<double> shuffled;
        for (const std::size_t ue : order)
        {
            const auto first = own.begin() + static_cast<std::ptrdiff_t>(ue * SHAPE.own);
            shuffled.insert(shuffled.end(), first, first + SHAPE.own);
        }
        const auto again = MeansOf(policy, shuffled, common, UES);
        for (std::size_t i = 0; i < UES; ++i)
        {
            EXPECT_NEAR(again[2 * i], means[2 * order[i]], 1e-12);
            EXPECT_NEAR(again[2 * i + 1], means[2 * order[i] + 1], 1e-12);
        }
    }
}

TEST(SetPolicy, WiderVectorsChangeNoBit)
{
    for (const std::size_t outputs : {4U, 16U, 36U})
    {
        const auto values = RandomInputs(97, 16);
        const auto weights = RandomInputs(values.size() * outputs, 17);
        auto sums = RandomInputs(outputs, 18);
        auto expected = sums;
        for (std::size_t i = 0; i < values.size(); ++i)
        {
            for (std::size_t o = 0; o < outputs; ++o)
            {
                const volatile double product = values[i] * weights[i * outputs + o];
                expected[o] += product; // volatile: not fused where the processor could
            }
        }
        auto fast = sums;
        LayerProductsAnywhere(values, weights.data(), sums);
        FastestLayerProducts()(values, weights.data(), fast);
        EXPECT_EQ(sums, expected);
        EXPECT_EQ(fast, expected);
    }
}

TEST(SetPolicy, RoomForMoreUesChangesNoBit)
{
    const auto own = RandomInputs(3 * SHAPE.own, 5);
    const auto common = RandomInputs(SHAPE.common, 6);
    SetPolicy tight(SHAPE, RandomWeights(SHAPE, 7), 3);
    SetPolicy wide(SHAPE, RandomWeights(SHAPE, 7), 100);
    const auto means = MeansOf(tight, own, common, 3);
    MeansOf(wide, RandomInputs(100 * SHAPE.own, 8), common, 100); // what scratch holds is old
    EXPECT_EQ(MeansOf(wide, own, common, 3), means);
}

TEST(SetPolicy, AUeMattersToTheOthers)
{
    SetPolicy policy(SHAPE, RandomWeights(SHAPE, 9), 2);
    const auto own = RandomInputs(2 * SHAPE.own, 10);
    const auto common = RandomInputs(SHAPE.common, 11);
    const std::vector<double> alone(own.begin(), own.begin() + SHAPE.own);
    const double apart = MeansOf(policy, alone, common, 1)[0];
    const double together = MeansOf(policy, own, common, 2)[0];
    EXPECT_GT(std::abs(apart - together), 1e-6);
}

TEST(SetPolicy, AllocatesNothingOnceBuilt)
{
    constexpr std::size_t UES = 20;
    SetPolicy policy(SHAPE, RandomWeights(SHAPE, 12), UES);
    const auto own = RandomInputs(UES * SHAPE.own, 13);
    const auto common = RandomInputs(SHAPE.common, 14);
    std::vector<double> means(UES * SetPolicy::ACTIONS);
    const auto before = g_allocations;
    for (std::size_t ues = 1; ues <= UES; ++ues)
    {
        policy.Means(std::span(own).first(ues * SHAPE.own),
                     common,
                     std::span(means).first(ues * SetPolicy::ACTIONS));
    }
    EXPECT_EQ(g_allocations, before);
}

TEST(SetPolicy, RefusesWhatDoesNotFit)
{
    const auto weights = RandomWeights(SHAPE, 15);
    auto fewer = weights;
    fewer.pop_back();
    auto infinite = weights;
    infinite[5] = std::numeric_limits<float>::infinity();
    auto notANumber = weights;
    notANumber.back() = std::numeric_limits<float>::quiet_NaN();
    EXPECT_NO_THROW(SetPolicy(SHAPE, weights, 1));
    EXPECT_THROW(SetPolicy(SHAPE, fewer, 1), std::invalid_argument);
    EXPECT_THROW(SetPolicy(SHAPE, infinite, 1), std::invalid_argument);
    EXPECT_THROW(SetPolicy(SHAPE, notANumber, 1), std::invalid_argument);
    for (const auto& wrong : {SetPolicyShape{.own = 0, .common = 6, .encoder = {4}, .head = {2}},
                              SetPolicyShape{.own = 1, .common = 6, .encoder = {}, .head = {2}},
                              SetPolicyShape{.own = 1, .common = 6, .encoder = {4}, .head = {}},
                              SetPolicyShape{.own = 1, .common = 6, .encoder = {4, 0}, .head = {2}},
                              SetPolicyShape{.own = 1, .common = 6, .encoder = {4}, .head = {3}}})
    {
        EXPECT_THROW(SetPolicy::WeightCount(wrong), std::invalid_argument);
    }
}

} // namespace slicebridge
