// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/builtin-controllers.h"
#include "slicing/control-projection.h"
#include "slicing/kpm-table.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace slicebridge
{

namespace
{

/// One slice's last high-level period.
struct Period
{
    float offered_kbps{};
    float buffer_bytes{};
    float holDelay_ms{};
    float goodput_kbps{};
    float prbUsed{};
};

Observation Observe(const std::vector<Period>& periods)
{
    const std::size_t kpms = SliceKpmTable().size();
    Observation observation;
    observation.sliceHigh.resize(periods.size() * kpms);
    for (std::size_t i = 0; i < periods.size(); ++i)
    {
        const auto set = [&](std::string_view name, float value)
        { observation.sliceHigh[i * kpms + SliceKpmColumn(name)] = value; };
        set("x.offered_kbps", periods[i].offered_kbps);
        set("x.buffer_bytes", periods[i].buffer_bytes);
        set("x.hol_delay_ms", periods[i].holDelay_ms);
        set("x.goodput_kbps", periods[i].goodput_kbps);
        set("RRU.PrbUsedDl", periods[i].prbUsed);
    }
    return observation;
}

NetworkShape Shape(std::size_t cells, std::size_t slices)
{
    NetworkShape shape{cells, std::vector<SliceConfig>(slices), ns3::MilliSeconds(100)};
    for (auto& slice : shape.slices)
    {
        slice.sla.delayBudget_ms = 100.0;
    }
    return shape;
}

/// `min` that a controller decides for each slice, after the checks that hold for every one.
std::vector<float> Decide(Controller& controller, const std::vector<Period>& periods)
{
    Control control;
    control.slices.resize(periods.size());
    EXPECT_TRUE(controller.Decide(Observe(periods), control));
    std::vector<float> shares;
    for (const auto& slice : control.slices)
    {
        EXPECT_EQ(slice.prb.dedicated, 0.0F);
        EXPECT_EQ(slice.prb.max, 1.0F);
        EXPECT_EQ(slice.computeShare, slice.prb.min);
        EXPECT_EQ(slice.powerShare, slice.prb.min);
        shares.push_back(slice.prb.min);
    }
    return shares;
}

} // namespace

TEST(BuiltInControllers, RefusesAnUnknownNameAndTellsTheKnownOnes)
{
    try
    {
        MakeBuiltInController("round-robin", Shape(1, 2));
        FAIL() << "no exception";
    }
    catch (const std::invalid_argument& error)
    {
        const std::string message = error.what();
        EXPECT_NE(message.find("'round-robin'"), std::string::npos) << message;
        EXPECT_NE(message.find("static, proportional, max-weight"), std::string::npos) << message;
    }
}

TEST(BuiltInControllers, MakesEveryOneThatItNames)
{
    EXPECT_EQ(BuiltInControllerNames().size(), 3U);
    for (const auto& name : BuiltInControllerNames())
    {
        const auto controller = MakeBuiltInController(name, Shape(1, 2));
        EXPECT_EQ(controller->Levels(), ControlLevels::High) << name;
    }
}

TEST(BuiltInControllers, StaticLeavesEverythingAsItIs)
{
    const auto controller = MakeBuiltInController("static", Shape(1, 1));
    Control control;
    control.slices = {{{0.1F, 0.2F, 0.3F}, 0.4F, 0.5F}};
    EXPECT_TRUE(controller->Decide(Observe({{}}), control));
    EXPECT_EQ(control.slices[0].prb.dedicated, 0.1F);
    EXPECT_EQ(control.slices[0].prb.min, 0.2F);
    EXPECT_EQ(control.slices[0].prb.max, 0.3F);
    EXPECT_EQ(control.slices[0].computeShare, 0.4F);
    EXPECT_EQ(control.slices[0].powerShare, 0.5F);
}

TEST(BuiltInControllers, ProportionalFollowsThePrbsThatTheLoadNeeds)
{
    const auto controller = MakeBuiltInController("proportional", Shape(1, 2));
    // 4 Mbit/s at 400 kbit/s per PRB: 10 PRBs. 1 Mbit/s at 100 kbit/s per PRB and 25 kbit queued,
    // which is 250 kbit/s over the period: 12.5 PRBs. Less 5 % kept for each.
    const auto shares =
        Decide(*controller,
               {{4000.0F, 0.0F, 0.0F, 4000.0F, 10.0F}, {1000.0F, 3125.0F, 0.0F, 800.0F, 8.0F}});
    EXPECT_NEAR(shares[0], 0.05 + 0.9 * 10.0 / 22.5, 1e-6);
    EXPECT_NEAR(shares[1], 0.05 + 0.9 * 12.5 / 22.5, 1e-6);
}

TEST(BuiltInControllers, ProportionalTakesTheCellsRateForASliceThatHadNoPrbs)
{
    const auto controller = MakeBuiltInController("proportional", Shape(1, 2));
    const auto shares =
        Decide(*controller, {{4000.0F, 0.0F, 0.0F, 4000.0F, 10.0F}, {4000.0F, 0.0F, 0, 0, 0}});
    EXPECT_NEAR(shares[0], 0.5, 1e-6);
    EXPECT_NEAR(shares[1], 0.5, 1e-6);
}

TEST(BuiltInControllers, MaxWeightMultipliesQueueRateUrgencyAndOperatorWeight)
{
    auto shape = Shape(1, 2);
    shape.slices[1].sla.weight = 2.0;
    const auto controller = MakeBuiltInController("max-weight", shape);
    // 8 kbit x 400 x 1.5 = 4800 against 2 x 16 kbit x 100 x 1 = 3200.
    const auto shares =
        Decide(*controller,
               {{0.0F, 1000.0F, 50.0F, 4000.0F, 10.0F}, {0.0F, 2000.0F, 0.0F, 800.0F, 8.0F}});
    EXPECT_NEAR(shares[0], 0.05 + 0.9 * 0.6, 1e-6);
    EXPECT_NEAR(shares[1], 0.05 + 0.9 * 0.4, 1e-6);
}

TEST(BuiltInControllers, ShareEquallyWhereNobodyNeedsAnything)
{
    for (const auto* name : {"proportional", "max-weight"})
    {
        const auto controller = MakeBuiltInController(name, Shape(1, 4));
        EXPECT_EQ(Decide(*controller, std::vector<Period>(4)), std::vector<float>(4, 0.25F));
    }
}

TEST(BuiltInControllers, TreatEachCellAlone)
{
    for (const auto* name : {"proportional", "max-weight"})
    {
        const auto controller = MakeBuiltInController(name, Shape(2, 2));
        const Period busy{1000.0F, 1000.0F, 10.0F, 1000.0F, 10.0F};
        const auto shares = Decide(*controller, {busy, {}, {}, busy});
        EXPECT_NEAR(shares[0], 0.95, 1e-6);
        EXPECT_NEAR(shares[1], 0.05, 1e-6);
        EXPECT_NEAR(shares[2], 0.05, 1e-6);
        EXPECT_NEAR(shares[3], 0.95, 1e-6);
    }
}

TEST(BuiltInControllers, DecideWhatNeedsNoProjection)
{
    const auto controls = SharesToControls(SharesByNeed(std::vector<double>{1.0, 2.0, 0.0, 1e-9}));
    const auto projected = ProjectSlices(controls, 4);
    for (std::size_t i = 0; i < 4; ++i)
    {
        EXPECT_EQ(projected[i].prb.min, controls[i].prb.min);
        EXPECT_EQ(projected[i].computeShare, controls[i].computeShare);
        EXPECT_GE(controls[i].prb.min, 0.05F);
    }
}

} // namespace slicebridge
