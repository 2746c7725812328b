// SPDX-License-Identifier: GPL-2.0-only
//
// Slices of NR cells: shares, caps, loans, compute, and packets that are all accounted for.
#include "nr-ran-testbed.h"

#include <gtest/gtest.h>
#include <numeric>

namespace slicebridge::nr::testing
{
namespace
{

/// Three slices of four UEs each in one cell with fading.
NrRanConfig ThreeSlices(const std::vector<SliceConfig>& slices)
{
    auto config = ConstantSinr(15.0);
    config.propagation.model = PropagationModel::ConstantLoss;
    config.propagation.loss_db = 110.0;
    config.propagation.fading = TdlModel::C;
    config.slices = slices;
    config.ues.clear();
    for (uint32_t slice = 0; slice < slices.size(); ++slice)
    {
        for (int ue = 0; ue < 4; ++ue)
        {
            config.ues.push_back({.slice = slice, .cell = 0, .position_m = {}});
        }
    }
    return config;
}

const std::vector<uint32_t> FIRST{0, 1, 2, 3};
const std::vector<uint32_t> SECOND{4, 5, 6, 7};
const std::vector<uint32_t> THIRD{8, 9, 10, 11};

/// Ratio of allocatable PRBs that each slice used.
std::vector<double> Shares(Testbed& bed)
{
    std::vector<double> shares;
    for (const auto& slice : bed.Slices())
    {
        shares.push_back(static_cast<double>(slice.prbUsed) /
                         static_cast<double>(slice.prbAvailable));
    }
    return shares;
}

class NrShares : public ::testing::TestWithParam<std::pair<uint8_t, uint32_t>>
{
};

INSTANTIATE_TEST_SUITE_P(Carriers,
                         NrShares,
                         ::testing::Values(std::pair{uint8_t{0}, 25U},
                                           std::pair{uint8_t{1}, 51U},
                                           std::pair{uint8_t{1}, 273U}));

TEST_P(NrShares, AtSaturationAreThoseOfThePolicy)
{
    auto config =
        ThreeSlices({SliceWith(0.0, 0.5, 1.0), SliceWith(0.0, 0.3, 1.0), SliceWith(0.0, 0.2, 1.0)});
    config.carrier.numerology = GetParam().first;
    config.carrier.bandwidth_prb = GetParam().second;
    config.carrier.rbgSize_prb = RbgSize_prb(config.carrier.bandwidth_prb, 1);
    Testbed bed(config);
    bed.Saturate(FIRST, 10);
    bed.Saturate(SECOND, 10);
    bed.Saturate(THIRD, 10);
    bed.Run(2.0);
    const auto shares = Shares(bed);
    EXPECT_NEAR(shares[0], 0.5, 0.01);
    EXPECT_NEAR(shares[1], 0.3, 0.01);
    EXPECT_NEAR(shares[2], 0.2, 0.01);
}

TEST(NrSlices, TheDedicatedShareOfAnIdleSliceStaysIdleAndItsMinimumIsLent)
{
    Testbed bed(ThreeSlices(
        {SliceWith(0.3, 0.5, 1.0), SliceWith(0.0, 0.3, 1.0), SliceWith(0.0, 0.2, 1.0)}));
    bed.Saturate(SECOND, 3);
    bed.Saturate(THIRD, 3);
    bed.Run(2.0);
    const auto shares = Shares(bed);
    EXPECT_EQ(shares[0], 0.0);
    EXPECT_NEAR(shares[1] + shares[2], 0.7, 0.01);
    EXPECT_GT(shares[1], 0.31);
    EXPECT_GT(shares[2], 0.21);
}

/// Of 13 RBGs, 0.4 is 5.2: never more than 5 in a slot, the last of which has 3 PRBs.
TEST(NrSlices, TheCapIsPassedInNoSlotRepetitionsIncluded)
{
    auto config =
        ThreeSlices({SliceWith(0.0, 0.2, 0.4), SliceWith(0.0, 0.1, 1.0), SliceWith(0.0, 0.1, 1.0)});
    Testbed bed(config);
    bed.Saturate(FIRST, 5);
    bed.SendAt(1e5, 4, 500);
    uint64_t before = 0;
    uint64_t most = 0;
    uint64_t repeated = 0;
    for (int slot = 0; slot < 20'000; ++slot)
    {
        bed.Run(0.0005);
        const auto counters = bed.Slices()[0];
        most = std::max(most, counters.prbUsed - before);
        before = counters.prbUsed;
        repeated = counters.prbRetx;
    }
    EXPECT_LE(most, 20U);
    EXPECT_GE(most, 19U);
    EXPECT_GT(repeated, 1000U);
    const auto mcs = bed.Slices()[0].mcs;
    EXPECT_EQ(std::reduce(mcs.begin(), mcs.end()), before) << "every PRB has an MCS";
    EXPECT_NEAR(Shares(bed)[0], 5.0 / 13.0, 0.005);
}

TEST(NrSlices, AComputeShareLimitsWhatReachesTheAir)
{
    auto config = ThreeSlices({SliceWith(0.0, 0.5, 1.0), SliceWith(0.0, 0.5, 1.0)});
    config.du = {.compute_bps = 20e6, .overhead_bytes = 0, .queue_packets = 100};
    Testbed bed(config);
    std::vector<SliceControl> controls(2);
    controls[0] = {.prb = {0.0F, 0.5F, 1.0F}, .computeShare = 0.1F, .powerShare = 0.5F};
    controls[1] = {.prb = {0.0F, 0.5F, 1.0F}, .computeShare = 0.9F, .powerShare = 0.5F};
    bed.Ran().Cell(0).ApplySliceControls(controls);
    bed.Saturate(FIRST, 1);
    bed.Run(1.0);
    const auto counters = bed.Slices();
    EXPECT_NEAR(static_cast<double>(counters[0].duBits), 2e6, 2e4);
    EXPECT_EQ(counters[1].duBits, 0U);
    EXPECT_DOUBLE_EQ(counters[0].duBudget_bits, 20e6);
    EXPECT_EQ(counters[0].bufferBytes / 1428, 100U);
    EXPECT_NEAR(counters[0].holDelay_ms, 100 * 1428 * 8 / 2e6 * 1e3, 20.0);
    uint64_t ueBytes = 0;
    for (const auto& ue : bed.Ues())
    {
        ueBytes += ue.bufferBytes;
    }
    EXPECT_EQ(ueBytes, counters[0].bufferBytes);
    EXPECT_GT(bed.dropped, 2000U);
}

/// UEs that drive past seven cells: whatever happens to a packet is reported, once.
TEST(NrSlices, HandoverLosesNoPacketFromTheAccounts)
{
    auto config = ThreeSlices({SliceWith(0.0, 0.5, 1.0), SliceWith(0.0, 0.5, 1.0)});
    config.propagation.model = PropagationModel::Uma;
    config.sites.count = 7;
    config.sites.interSiteDistance_m = 200.0;
    config.mobility = {.randomWalk = true,
                       .minSpeed_mps = 30.0,
                       .maxSpeed_mps = 40.0,
                       .height_m = 1.5};
    config.du = {.compute_bps = 20e6, .overhead_bytes = 0, .queue_packets = 200};
    Testbed bed(config);
    bed.Saturate(FIRST, 1);
    for (int k = 0; k < 15'000; ++k)
    {
        bed.SendAt(1e3 * k + 300.0, 4 + k % 4, 200);
    }
    for (int step = 0; step < 150; ++step)
    {
        bed.Run(0.1);
        for (const auto& ue : bed.Ues())
        {
            ASSERT_GE(ue.cell, 0);
            ASSERT_LT(ue.cell, 7);
        }
        ASSERT_LE(bed.delivered + bed.dropped + bed.lost, bed.sent);
    }
    EXPECT_GE(bed.Ran().Handovers(), 5U);
    EXPECT_GT(bed.lost, 0U);
    EXPECT_GT(bed.delivered, 15'000U);
}

TEST(NrSlices, WhenTheSourcesStopEveryPacketHasMetItsFate)
{
    auto config = ThreeSlices({SliceWith(0.0, 0.5, 1.0), SliceWith(0.0, 0.5, 1.0)});
    config.propagation.loss_db = 131.0;
    config.harq.transmissions = 1;
    Testbed bed(config);
    for (int k = 0; k < 40'000; ++k)
    {
        bed.SendAt(50.0 * k, k % 8, 40 + k % 1200);
    }
    bed.Run(3.0);
    EXPECT_EQ(bed.sent, 40'000U);
    EXPECT_EQ(bed.delivered + bed.dropped + bed.lost, bed.sent);
    EXPECT_GT(bed.lost, 100U);
    EXPECT_GT(bed.dropped, 100U);
    EXPECT_GT(bed.delivered, 1000U);
    for (const auto& slice : bed.Slices())
    {
        EXPECT_EQ(slice.bufferBytes, 0U);
    }
}

} // namespace
} // namespace slicebridge::nr::testing
