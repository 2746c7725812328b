// SPDX-License-Identifier: GPL-2.0-only
//
// What an NR network tells a debugger of its slots.
#include "nr-ran-testbed.h"
#include "slot-ledger.h"

#include <gtest/gtest.h>

namespace slicebridge::nr::testing
{
namespace
{

/// Two slices of two UEs, with errors, at a bandwidth whose last RBG is short.
NrRanConfig Loaded()
{
    auto config = ConstantSinr(12.0);
    config.propagation.fading = TdlModel::C;
    config.slices = {SliceWith(0.0, 0.5, 1.0), SliceWith(0.1, 0.3, 0.5)};
    config.ues.assign(4, {.slice = 0, .cell = 0, .position_m = {}});
    config.ues[2].slice = config.ues[3].slice = 1;
    return config;
}

SlotGrid GridOf(const NrRanConfig& config)
{
    return {.slot = ns3::NanoSeconds(SlotLength_ns(config.carrier.numerology)),
            .prbs = config.carrier.bandwidth_prb,
            .rbg_prbs = config.carrier.rbgSize_prb};
}

TEST(NrSlots, GrantsAddUpToTheCountersOfTheSameTime)
{
    const auto config = Loaded();
    SlotLedger ledger(GridOf(config));
    Testbed bed(config);
    bed.Ran().SetSlotObserver(&ledger);
    bed.Saturate({0, 1, 2, 3}, 1);
    bed.Run(1.0);
    const auto counters = bed.Slices();
    for (int32_t slice = 0; slice < 2; ++slice)
    {
        const auto& counted = counters[static_cast<std::size_t>(slice)];
        EXPECT_GT(counted.prbUsed, 1000U);
        EXPECT_EQ(ledger.slices[slice].prbs, counted.prbUsed);
        EXPECT_EQ(ledger.slices[slice].blocks, counted.tb);
    }
    EXPECT_EQ(ledger.clashes, 0U);
}

TEST(NrSlots, FeedbackAnswersGrantsOnce)
{
    const auto config = Loaded();
    SlotLedger ledger(GridOf(config));
    Testbed bed(config);
    bed.Ran().SetSlotObserver(&ledger);
    bed.Saturate({0, 1, 2, 3}, 1);
    bed.Run(1.0);
    const auto blocks = ledger.slices[0].blocks + ledger.slices[1].blocks;
    const auto errors = bed.Slices()[0].tbError + bed.Slices()[1].tbError;
    EXPECT_EQ(ledger.strange, 0U);
    EXPECT_GT(ledger.nacks, 10U);
    EXPECT_NEAR(static_cast<double>(ledger.answers), static_cast<double>(blocks), 40.0);
    EXPECT_NEAR(static_cast<double>(ledger.nacks), static_cast<double>(errors), 40.0);
}

TEST(NrSlots, LookingForAWhileChangesNothing)
{
    const auto bytes = [](bool looking)
    {
        const auto config = Loaded();
        SlotLedger ledger(GridOf(config));
        Testbed bed(config);
        if (looking)
        {
            ns3::Simulator::Schedule(ns3::MilliSeconds(100),
                                     [&] { bed.Ran().SetSlotObserver(&ledger); });
            ns3::Simulator::Schedule(ns3::MilliSeconds(200),
                                     [&] { bed.Ran().SetSlotObserver(nullptr); });
        }
        bed.Saturate({0, 1, 2, 3}, 1);
        bed.Run(0.4);
        EXPECT_EQ(ledger.slices.empty(), !looking);
        return bed.delays_us;
    };
    EXPECT_EQ(bytes(true), bytes(false));
}

} // namespace
} // namespace slicebridge::nr::testing
