// SPDX-License-Identifier: GPL-2.0-only
//
// The outer loop of link adaptation, seen from outside.
#include "nr-ran-testbed.h"
#include "nr/link-adaptation.h"

#include <gtest/gtest.h>

namespace slicebridge::nr::testing
{
namespace
{

/// A UE whose channel fades at some speed around a mean SINR of about 15 dB.
NrRanConfig Fading(double speed_mps)
{
    auto config = ConstantSinr(0.0);
    config.propagation.model = PropagationModel::ConstantLoss;
    config.propagation.loss_db = 115.0;
    config.propagation.fading = TdlModel::C;
    config.mobility = {.randomWalk = true, .minSpeed_mps = speed_mps, .maxSpeed_mps = speed_mps};
    return config;
}

struct Outcome
{
    double blockErrorRatio;
    double throughput_mbps;
};

/// A saturated UE, after half a second.
Outcome Saturated(const NrRanConfig& config, double duration_s)
{
    Testbed bed(config);
    bed.Saturate({0}, 9);
    bed.Run(0.5);
    const auto before = bed.Slices()[0];
    const uint64_t bytesBefore = bed.deliveredBytes[0];
    bed.Run(duration_s);
    const auto after = bed.Slices()[0];
    return {static_cast<double>(after.tbError - before.tbError) /
                static_cast<double>(after.tb - before.tb),
            8e-6 * static_cast<double>(bed.deliveredBytes[0] - bytesBefore) / duration_s};
}

class NrOuterLoop : public ::testing::TestWithParam<double>
{
};

INSTANTIATE_TEST_SUITE_P(Speeds_mps, NrOuterLoop, ::testing::Values(0.83, 3.0, 10.0, 30.0));

TEST_P(NrOuterLoop, HoldsTheBlockErrorTargetInFading)
{
    auto config = Fading(GetParam());
    config.harq.transmissions = 1;
    EXPECT_NEAR(Saturated(config, 5.0).blockErrorRatio, 0.1, 0.02);
}

TEST_P(NrOuterLoop, HoldsTheMuchLowerTargetOfUrllc)
{
    auto config = Fading(GetParam());
    config.harq.transmissions = 1;
    config.slices[0].sNssai.sst = 2;
    EXPECT_LT(Saturated(config, 20.0).blockErrorRatio, 2e-3);
}

TEST(NrOuterLoopOff, ErrorsAreWhatTheDelayOfReportsMakesOfThem)
{
    auto config = Fading(30.0);
    config.harq.transmissions = 1;
    config.csi.outerLoopStep_db = 0.0;
    EXPECT_GT(Saturated(config, 2.0).blockErrorRatio, 0.2);
}

/// Reports are right in a channel that does not change, and the loop does not climb above them: it
/// keeps errors within the target, and costs little where they come close to it.
TEST(NrOuterLoopInAStaticChannel, KeepsTheRateThatReportsAllow)
{
    for (double sinr_db = -1.0; sinr_db <= 22.0; sinr_db += 0.37)
    {
        auto config = ConstantSinr(sinr_db);
        const auto with = Saturated(config, 0.5);
        config.csi.outerLoopStep_db = 0.0;
        const auto without = Saturated(config, 0.5);
        EXPECT_LE(with.blockErrorRatio, 0.12) << sinr_db;
        EXPECT_GE(with.throughput_mbps, 0.95 * without.throughput_mbps) << sinr_db;
    }
}

/// At the SINR from which a CQI is reported one block in ten fails, and with it at times several of
/// those that are under way: they lower the rate once.
TEST(NrOuterLoopInAStaticChannel, RatesNeverFallByMoreThanOneCqi)
{
    const CarrierConfig carrier;
    const auto cqis = SinrThresholds::OfCqi(carrier);
    for (uint8_t cqi = 4; cqi <= 15; ++cqi)
    {
        Testbed bed(ConstantSinr(cqis.At_db(cqi - 1U) + 0.06));
        bed.Saturate({0}, 9);
        bed.Run(3.0);
        const auto counters = bed.Slices()[0];
        for (uint8_t mcs = 0; mcs < counters.mcs.size(); ++mcs)
        {
            const bool possible = mcs >= McsOfCqi(carrier.linkTable, cqi - 1U) &&
                                  mcs <= McsOfCqi(carrier.linkTable, cqi);
            EXPECT_TRUE(possible || counters.mcs[mcs] == 0) << int(cqi) << ' ' << int(mcs);
        }
    }
}

} // namespace
} // namespace slicebridge::nr::testing
