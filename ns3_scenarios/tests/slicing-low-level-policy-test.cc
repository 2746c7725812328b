// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/epoch-loop.h"
#include "slicing/kpm-table.h"
#include "slicing/low-level-policy.h"

#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace slicebridge
{
namespace
{

using ns3::MilliSeconds;
using ns3::Simulator;

constexpr std::size_t UES = 4;
constexpr std::size_t PERIODS = 10; ///< low-level ones in a high-level one
const std::vector<uint32_t> UE_SLICE{0, 0, 1, 1};

/// One cell; the test sets the counters of its UEs, as functions of time if it likes.
class OneCell : public Ran, public RanCell, public EndToEndCounters
{
  public:
    OneCell()
    {
        for (auto& ue : ues)
        {
            ue.cell = 0;
            ue.bufferBytes = 1000;
        }
    }

    std::size_t CellCount() const override
    {
        return 1;
    }

    RanCell& Cell(std::size_t) override
    {
        return *this;
    }

    void ApplySliceControls(std::span<const SliceControl>) override
    {
    }

    void ReadSlices(std::span<SliceCounters> counters) const override
    {
        for (auto& slice : counters)
        {
            slice.prbUsed = static_cast<uint64_t>(Now_ms());
            slice.prbAvailable = 10 * slice.prbUsed;
        }
    }

    void ApplyUeControls(std::span<const UeControl> controls) override
    {
        applied.emplace_back(controls.begin(), controls.end());
        applied_ms.push_back(Now_ms());
    }

    void ReadUes(std::span<UeCounters> counters) const override
    {
        std::copy(ues.begin(), ues.end(), counters.begin());
        for (std::size_t ue = 0; ue < UES; ++ue)
        {
            // UE u has (u + 1) blocks each ms.
            counters[ue].tb = static_cast<uint64_t>(Now_ms()) * (ue + 1);
        }
    }

    bool AllUesConnected() const override
    {
        return true;
    }

    void CompleteSlices(std::size_t, std::span<SliceCounters>) const override
    {
    }

    void CompleteUes(std::span<UeCounters>) const override
    {
    }

    std::vector<UeCounters> ues{UES};
    std::vector<std::vector<UeControl>> applied;
    std::vector<double> applied_ms;

  private:
    static double Now_ms()
    {
        return Simulator::Now().GetSeconds() * 1000.0;
    }
};

/// Asks for another share at each decision, and leaves UEs to the policy.
class Delegating : public Controller
{
  public:
    ControlLevels Levels() const override
    {
        return ControlLevels::High;
    }

    UePolicy* Delegate() override
    {
        return policy;
    }

    bool Decide(const Observation& observation, Control& control) override
    {
        rawActions.emplace_back(rawAction.begin(), rawAction.end());
        shares.emplace_back(share.begin(), share.end());
        ueKpms.emplace_back(ue.begin(), ue.end());
        control.slices[0].prb.min = 0.1F * static_cast<float>(observation.epoch + 1);
        return true;
    }

    UePolicy* policy{};
    std::span<const float> rawAction;
    std::span<const float> share;
    std::span<const float> ue;
    std::vector<std::vector<float>> rawActions; ///< as each decision found them
    std::vector<std::vector<float>> shares;
    std::vector<std::vector<float>> ueKpms;
};

std::vector<SliceConfig> TwoSlices()
{
    std::vector<SliceConfig> slices(2);
    slices[0].policy = {0.0F, 0.5F, 1.0F};
    slices[1].policy = {0.0F, 0.5F, 1.0F};
    slices[1].sNssai.sst = 2;
    return slices;
}

/// Encodes TB.TotNbrDl / 100 and gives it back as both means: h = relu(tb / 100), head [h, 0, 0,
/// 0].
LowLevelPolicyConfig BlocksToMean(bool stochastic)
{
    return {.features = {{UeKpmColumn("TB.TotNbrDl"), 100.0, false}},
            .sliceFeatures = {},
            .context = 0,
            .encoder = {1},
            .head = {2},
            .activation = Activation::Relu,
            .stochastic = stochastic};
}

std::vector<float> BlocksToMeanWeights()
{
    return {1, 0, 0, 0, 0, 0, 0, 0,       /* encoder */
            1, 0, 0, 0, 1, 0, 0, 0, 0, 0, /* head */
            0, 0 /* log standard deviations */};
}

class LowLevelPolicyTest : public ::testing::Test
{
  protected:
    ~LowLevelPolicyTest() override
    {
        Simulator::Destroy();
    }

    /// 10 ms, 100 ms, from 100 ms to 400 ms.
    void Run(const LowLevelPolicyConfig& config,
             const std::vector<float>& weights,
             uint64_t run = 1)
    {
        ns3::RngSeedManager::SetRun(run);
        const std::size_t kpms = UeKpmTable().size();
        ue.assign((PERIODS + 1) * UES * kpms, 0);
        slice.assign((PERIODS + 1) * 2 * SliceKpmTable().size(), 0);
        ueCell.assign((PERIODS + 1) * UES, 0);
        share.assign(PERIODS * 2 * 3, 0);
        rawAction.assign(PERIODS * UES * 2, 0);
        policy = std::make_unique<LowLevelPolicy>(
            config,
            weights,
            1,
            TwoSlices(),
            UE_SLICE,
            LowLevelTrajectory{ue, slice, ueCell, share, rawAction});
        controller.policy = policy.get();
        controller.rawAction = rawAction;
        controller.share = share;
        controller.ue = ue;
        EpochLoop loop({ran, ran, controller, {}, TwoSlices(), UE_SLICE},
                       {MilliSeconds(10), MilliSeconds(100), MilliSeconds(100), MilliSeconds(300)});
        loop.Start();
        Simulator::Run();
        Simulator::Destroy();
    }

    OneCell ran;
    Delegating controller;
    std::unique_ptr<LowLevelPolicy> policy;
    std::vector<float> ue;
    std::vector<float> slice;
    std::vector<int32_t> ueCell;
    std::vector<float> share;
    std::vector<float> rawAction;
};

} // namespace

TEST_F(LowLevelPolicyTest, DecidesAtEveryLowLevelPeriodOnTheOneBefore)
{
    Run(BlocksToMean(false), BlocksToMeanWeights());
    ASSERT_EQ(ran.applied.size(), 30U);
    for (std::size_t i = 0; i < ran.applied.size(); ++i)
    {
        EXPECT_NEAR(ran.applied_ms[i], 100.0 + 10.0 * static_cast<double>(i), 1e-9);
        for (std::size_t u = 0; u < UES; ++u)
        {
            // 10 (u + 1) blocks in 10 ms.
            const double y = std::tanh(0.1 * static_cast<double>(u + 1));
            EXPECT_NEAR(ran.applied[i][u].weight, std::exp(2.0 * y), 1e-6);
            EXPECT_NEAR(ran.applied[i][u].powerOffset_db, 3.0 * y, 1e-6);
        }
    }
}

TEST_F(LowLevelPolicyTest, NegativeActionsLowerThePowerTwiceAsFar)
{
    auto weights = BlocksToMeanWeights();
    weights[8] = weights[12] = -1.0F; // the head's weights of h
    Run(BlocksToMean(false), weights);
    const double y = std::tanh(-0.1);
    EXPECT_NEAR(ran.applied[3][0].weight, std::exp(2.0 * y), 1e-6);
    EXPECT_NEAR(ran.applied[3][0].powerOffset_db, 6.0 * y, 1e-6);
}

TEST_F(LowLevelPolicyTest, TheTrajectoryHoldsWhatEachDecisionSawAndDid)
{
    Run(BlocksToMean(false), BlocksToMeanWeights());
    ASSERT_EQ(controller.rawActions.size(), 4U);
    for (const float raw : controller.rawActions[0])
    {
        EXPECT_TRUE(std::isnan(raw)) << "before the first decision";
    }
    const std::size_t column = UeKpmColumn("TB.TotNbrDl");
    for (std::size_t epoch = 1; epoch < 4; ++epoch)
    {
        for (std::size_t t = 0; t <= PERIODS; ++t)
        {
            const float* row = &controller.ueKpms[epoch][t * UES * UeKpmTable().size()];
            EXPECT_EQ(row[UeKpmTable().size() + column], 20.0F) << "of UE 1, row " << t;
        }
        for (std::size_t t = 0; t < PERIODS; ++t)
        {
            EXPECT_NEAR(controller.rawActions[epoch][(t * UES + 2) * 2], 0.3F, 1e-6);
            // The controller's decision is in force for the ten that follow it.
            EXPECT_FLOAT_EQ(controller.shares[epoch][t * 6], 0.1F * static_cast<float>(epoch));
        }
    }
}

TEST_F(LowLevelPolicyTest, UesWithoutDataOrCellAreLeftAlone)
{
    ran.ues[0].bufferBytes = 0;
    ran.ues[3].cell = -1;
    // Means of the group: head [0, mean, 0, 0].
    auto weights = BlocksToMeanWeights();
    weights[8] = weights[12] = 0.0F;
    weights[9] = weights[13] = 1.0F;
    Run(BlocksToMean(false), weights);
    const auto& last = controller.rawActions.back();
    for (std::size_t t = 0; t < PERIODS; ++t)
    {
        EXPECT_TRUE(std::isnan(last[(t * UES + 0) * 2]));
        EXPECT_NEAR(last[(t * UES + 1) * 2], 0.2F, 1e-6) << "the mean over UE 1 alone";
        EXPECT_NEAR(last[(t * UES + 2) * 2], 0.3F, 1e-6) << "the mean over UE 2 alone";
        EXPECT_TRUE(std::isnan(last[(t * UES + 3) * 2]));
    }
    for (const std::size_t neutral : {0U, 3U})
    {
        EXPECT_EQ(ran.applied.back()[neutral].weight, 1.0F);
        EXPECT_EQ(ran.applied.back()[neutral].powerOffset_db, 0.0F);
    }
}

TEST_F(LowLevelPolicyTest, SameSeedSameNoiseWhateverThePolicyAndTheOtherUes)
{
    Run(BlocksToMean(true), BlocksToMeanWeights(), 7);
    const auto first = controller.rawActions.back();
    Run(BlocksToMean(true), BlocksToMeanWeights(), 7);
    EXPECT_EQ(controller.rawActions.back(), first);
    Run(BlocksToMean(true), BlocksToMeanWeights(), 8);
    EXPECT_NE(controller.rawActions.back(), first);

    auto others = BlocksToMeanWeights();
    others[8] = others[12] = 0.0F;
    ran.ues[0].bufferBytes = 0;
    Run(BlocksToMean(true), others, 7);
    for (std::size_t t = 0; t < PERIODS; ++t)
    {
        const std::size_t at = (t * UES + 1) * 2;
        EXPECT_NEAR(controller.rawActions.back()[at], first[at] - 0.2F, 1e-5) << t;
    }
}

TEST_F(LowLevelPolicyTest, NoiseIsStandardNormal)
{
    double sum = 0.0;
    double squares = 0.0;
    double products = 0.0;
    double count = 0.0;
    for (uint64_t run = 1; run <= 40; ++run)
    {
        auto weights = BlocksToMeanWeights();
        weights[8] = weights[12] = 0.0F;
        Run(BlocksToMean(true), weights, run);
        for (std::size_t i = 0; i < rawAction.size(); i += 2)
        {
            sum += rawAction[i] + rawAction[i + 1];
            squares += rawAction[i] * rawAction[i] + rawAction[i + 1] * rawAction[i + 1];
            products += rawAction[i] * rawAction[i + 1];
            count += 2.0;
        }
    }
    // 3,200 numbers: five standard errors.
    EXPECT_NEAR(sum / count, 0.0, 5.0 / std::sqrt(count));
    EXPECT_NEAR(squares / count, 1.0, 5.0 * std::sqrt(2.0 / count));
    EXPECT_NEAR(2.0 * products / count, 0.0, 5.0 * std::sqrt(2.0 / count));
}

TEST_F(LowLevelPolicyTest, ANetworkThatGivesNanEndsTheRun)
{
#if defined(__SANITIZE_ADDRESS__)
    __lsan::ScopedDisabler leaks; // ns-3 leaks the event that throws
#endif
    LowLevelPolicyConfig config = BlocksToMean(false);
    config.encoder.assign(8, 1);
    std::vector<float> weights(SetPolicy::WeightCount(config.Shape()),
                               std::numeric_limits<float>::max());
    // Sums of 1e38^9 leave the range of double, and so does their difference in the head.
    weights[weights.size() - 12] = -std::numeric_limits<float>::max();
    try
    {
        Run(config, weights);
        FAIL() << "nothing was thrown";
    }
    catch (const std::domain_error& error)
    {
        EXPECT_NE(std::string(error.what()).find("NaN for UE 0"), std::string::npos);
    }
}

} // namespace slicebridge
