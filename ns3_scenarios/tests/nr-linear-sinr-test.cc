// SPDX-License-Identifier: GPL-2.0-only
// The tables over linear SINR say what those in dB say.
#include "nr/block-error.h"
#include "nr/link-adaptation.h"

#include <cmath>
#include <gtest/gtest.h>

namespace slicebridge::nr
{
namespace
{

double Linear(double sinr_db)
{
    return std::pow(10.0, sinr_db / 10.0);
}

TEST(LinearSinrTest, InformationIsThatOfTheSinrInDb)
{
    for (const uint8_t order : {2, 4, 6, 8})
    {
        for (double sinr_db = -29.9; sinr_db < 49.9; sinr_db += 0.037)
        {
            const auto expected = InformationAt(order, sinr_db);
            const auto read = InformationAtLinear(order, static_cast<float>(Linear(sinr_db)));
            EXPECT_NEAR(read.mean_bits, expected.mean_bits, 2e-3) << sinr_db;
            EXPECT_NEAR(read.variance_bits2, expected.variance_bits2, 2e-2) << sinr_db;
        }
    }
}

TEST(LinearSinrTest, InformationIsClampedToTheTable)
{
    EXPECT_NEAR(InformationAtLinear(4, 0.0F).mean_bits, InformationAt(4, -30.1).mean_bits, 1e-3);
    EXPECT_NEAR(InformationAtLinear(4, 1e9F).mean_bits, 4.0, 1e-6);
}

TEST(LinearSinrTest, CountsTheThresholdsThatTheSinrInDbReaches)
{
    constexpr double STEP_DB = 0.05; // that the count by dB is tabulated in
    const auto thresholds = SinrThresholds::OfMcs(CarrierConfig{}, 0.1);
    for (double sinr_db = -40.0; sinr_db < 45.0; sinr_db += 0.0137)
    {
        const auto count = thresholds.CountReachedLinear(static_cast<float>(Linear(sinr_db)));
        EXPECT_GE(count, thresholds.CountReached(sinr_db - STEP_DB)) << sinr_db;
        EXPECT_LE(count, thresholds.CountReached(sinr_db + STEP_DB)) << sinr_db;
    }
    EXPECT_EQ(thresholds.CountReachedLinear(0.0F), 0);
}

} // namespace
} // namespace slicebridge::nr
