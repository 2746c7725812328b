// SPDX-License-Identifier: GPL-2.0-only
//
// What an LTE network tells a debugger of its TTIs.
#include "lte-ran-testbed.h"
#include "lte/tb-table.h"
#include "slot-ledger.h"

#include <gtest/gtest.h>

namespace slicebridge
{
namespace
{

class LteRanSlotsTest : public LteRanTest
{
  protected:
    /// Two slices under load, faded so that blocks fail.
    void BuildLoaded()
    {
        auto config = OneCell({Slice("a", 9, 0.5F), Slice("b", 9, 0.3F, 0.5F)});
        config.carrier.bandwidth_prb = 25;
        config.propagation.model = LtePropagationModel::LogDistance;
        config.propagation.exponent = 3.8;
        config.propagation.referenceLoss_db = 46.0;
        config.propagation.jakesFading = true;
        config.mobility = {.randomWalk = true, .minSpeed_mps = 25.0, .maxSpeed_mps = 25.0};
        slices = 2;
        Build(config);
        ledger = SlotLedger({.slot = ns3::MilliSeconds(1), .prbs = 25, .rbg_prbs = RbgSizeOf(25)});
        StartAll(ns3::MilliSeconds(300), 700, ns3::MilliSeconds(1), ns3::MilliSeconds(1200));
    }

    SlotLedger ledger{SlotGrid{}};
};

TEST_F(LteRanSlotsTest, GrantsAddUpToTheCountersOfTheSameTime)
{
    BuildLoaded();
    RunUntil(ns3::MicroSeconds(400'500));
    const auto before = Slices(0);
    ran->SetSlotObserver(&ledger);
    RunUntil(ns3::MicroSeconds(1'000'500));
    const auto after = Slices(0);
    for (int32_t slice = 0; slice < 2; ++slice)
    {
        const auto i = static_cast<std::size_t>(slice);
        EXPECT_GT(after[i].prbUsed - before[i].prbUsed, 1000U);
        EXPECT_EQ(ledger.slices[slice].prbs, after[i].prbUsed - before[i].prbUsed);
        EXPECT_EQ(ledger.slices[slice].blocks, after[i].tb - before[i].tb);
    }
    EXPECT_EQ(ledger.clashes, 0U);
}

TEST_F(LteRanSlotsTest, FeedbackAnswersGrantsOnce)
{
    BuildLoaded();
    ran->SetSlotObserver(&ledger);
    RunUntil(ns3::MicroSeconds(1'000'500));
    const auto counters = Slices(0);
    EXPECT_EQ(ledger.strange, 0U);
    EXPECT_GT(ledger.nacks, 10U);
    EXPECT_EQ(ledger.nacks, counters[0].tbError + counters[1].tbError);
    EXPECT_GT(ledger.slices[0].repetitions + ledger.slices[1].repetitions, 10U);
}

TEST_F(LteRanSlotsTest, NobodyIsToldAfterwards)
{
    BuildLoaded();
    ran->SetSlotObserver(&ledger);
    RunUntil(ns3::MicroSeconds(500'500));
    ran->SetSlotObserver(nullptr);
    const auto blocks = ledger.slices[0].blocks;
    const auto answers = ledger.answers;
    RunUntil(ns3::MicroSeconds(700'500));
    EXPECT_GT(blocks, 0U);
    EXPECT_EQ(ledger.slices[0].blocks, blocks);
    EXPECT_EQ(ledger.answers, answers);
}

} // namespace
} // namespace slicebridge
