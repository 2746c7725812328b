// SPDX-License-Identifier: GPL-2.0-only
// Small-scale fading against theory: Clarke's model and TR 38.901's tapped delay lines.
#include "nr/jakes-table.h"
#include "nr/tap-sums.h"
#include "nr/tdl-fading.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <gtest/gtest.h>
#include <numbers>
#include <random>
#include <vector>

namespace slicebridge::nr
{
namespace
{

constexpr int SAMPLES = 200'000;
constexpr double SPACING = static_cast<double>(JakesTable::PERIOD_WAVELENGTHS) / SAMPLES;

std::complex<float> At(double wavelengths)
{
    return JakesTable::Get().At(JakesTable::ToPosition(wavelengths));
}

/// Time average over the whole period of the table.
std::complex<double> Autocorrelation(double lag_wavelengths)
{
    std::complex<double> sum;
    for (int i = 0; i < SAMPLES; ++i)
    {
        const std::complex<double> now = At(i * SPACING);
        const std::complex<double> later = At(i * SPACING + lag_wavelengths);
        sum += later * std::conj(now);
    }
    return sum / static_cast<double>(SAMPLES);
}

TEST(JakesTableTest, AutocorrelationIsBessel)
{
    for (const double lag : {0.0, 0.1, 0.2, 0.3, 0.3827, 0.5, 0.8, 1.0, 1.7, 2.4, 5.0, 9.3})
    {
        const auto measured = Autocorrelation(lag);
        EXPECT_NEAR(measured.real(), std::cyl_bessel_j(0.0, 2.0 * std::numbers::pi * lag), 0.01)
            << lag;
        EXPECT_NEAR(measured.imag(), 0.0, 0.01) << lag;
    }
}

/// Rice: N = sqrt(2 pi) f_d rho exp(-rho^2) upward crossings per second of rho times the RMS.
TEST(JakesTableTest, LevelCrossingRate)
{
    for (const double rho : {0.1, 0.316, 0.5, 0.707, 1.0, 1.4})
    {
        int crossings = 0;
        double before = std::abs(At(0.0));
        for (int i = 1; i <= SAMPLES; ++i)
        {
            const double now = std::abs(At(i * SPACING));
            crossings += before < rho && now >= rho;
            before = now;
        }
        const double perWavelength =
            crossings / static_cast<double>(JakesTable::PERIOD_WAVELENGTHS);
        const double theory = std::sqrt(2.0 * std::numbers::pi) * rho * std::exp(-rho * rho);
        EXPECT_NEAR(perWavelength / theory, 1.0, 0.05) << rho;
    }
}

TEST(JakesTableTest, EnvelopeIsRayleigh)
{
    double power = 0.0;
    int deep = 0;
    for (int i = 0; i < SAMPLES; ++i)
    {
        const double value = std::norm(At(i * SPACING));
        power += value;
        deep += value < 0.1;
    }
    EXPECT_NEAR(power / SAMPLES, 1.0, 0.01);
    EXPECT_NEAR(deep / static_cast<double>(SAMPLES), 1.0 - std::exp(-0.1), 0.01);
}

/// The delay spread that TR 38.901, 7.7.3, scales by must be 1 for the normalised profiles.
TEST(TdlProfileTest, NormalisedDelaySpreadIsOne)
{
    for (const auto model : {TdlModel::A, TdlModel::B, TdlModel::C, TdlModel::D, TdlModel::E})
    {
        double power = 0.0;
        double mean = 0.0;
        double square = 0.0;
        for (const auto& tap : TdlTaps(model))
        {
            const double p = std::pow(10.0, tap.power_db / 10.0);
            power += p;
            mean += p * tap.normalisedDelay;
            square += p * tap.normalisedDelay * tap.normalisedDelay;
        }
        mean /= power;
        EXPECT_NEAR(std::sqrt(square / power - mean * mean), 1.0, 0.01) << static_cast<int>(model);
    }
}

TEST(TdlProfileTest, RiceFactorsOfTheStandard)
{
    const auto ricean = [](TdlModel model)
    {
        const auto taps = TdlTaps(model);
        EXPECT_TRUE(taps[0].lineOfSight);
        EXPECT_EQ(taps[1].normalisedDelay, 0.0);
        return taps[0].power_db - taps[1].power_db;
    };
    EXPECT_NEAR(ricean(TdlModel::D), 13.3, 1e-9);
    EXPECT_NEAR(ricean(TdlModel::E), 22.0, 1e-9);
}

/// Over an ensemble of links: mean gain 1 in every RBG, and the gains of two RBGs correlate as the
/// power delay profile says, |sum_k p_k exp(-j 2 pi df tau_k)|^2 for Rayleigh taps.
TEST(TdlFadingTest, PowerDelayProfileAcrossFrequency)
{
    constexpr int LINKS = 20'000;
    constexpr double SPREAD_S = 300e-9;
    constexpr double RBG_HZ = 720e3;
    const TdlFading fading({TdlModel::C, SPREAD_S, RBG_HZ, 13});
    std::mt19937 random(1);
    std::uniform_int_distribution<JakesTable::Position> offset;
    std::vector<JakesTable::Position> offsets(fading.TapCount());
    std::vector<float> gains(13);
    std::vector<double> mean(13);
    std::vector<double> product(13);
    for (int link = 0; link < LINKS; ++link)
    {
        for (auto& value : offsets)
        {
            value = offset(random);
        }
        fading.Gains(offsets, 0.0, gains);
        for (int rbg = 0; rbg < 13; ++rbg)
        {
            mean[rbg] += gains[rbg] / LINKS;
            product[rbg] += static_cast<double>(gains[rbg]) * gains[0] / LINKS;
        }
    }
    const auto taps = TdlTaps(TdlModel::C);
    for (int rbg = 0; rbg < 13; ++rbg)
    {
        std::complex<double> response;
        double total = 0.0;
        for (const auto& tap : taps)
        {
            const double p = std::pow(10.0, tap.power_db / 10.0);
            total += p;
            response +=
                std::polar(p,
                           -2.0 * std::numbers::pi * rbg * RBG_HZ * tap.normalisedDelay * SPREAD_S);
        }
        EXPECT_NEAR(mean[rbg], 1.0, 0.03) << rbg;
        EXPECT_NEAR(product[rbg] - mean[rbg] * mean[0], std::norm(response / total), 0.05) << rbg;
    }
}

TEST(TdlFadingTest, PartOfTheBandEqualsTheWhole)
{
    const TdlFading fading({TdlModel::D, 100e-9, 360e3, 25});
    const std::vector<JakesTable::Position> offsets(fading.TapCount(), 123'456'789);
    std::vector<float> whole(25);
    fading.Gains(offsets, 17.5, whole);
    for (uint32_t first = 0; first < 25; ++first)
    {
        for (uint32_t count = 1; first + count <= 25; ++count)
        {
            std::vector<float> part(count);
            fading.GainsOf(offsets, 17.5, first, part);
            for (uint32_t i = 0; i < count; ++i)
            {
                EXPECT_EQ(part[i], whole[first + i]);
            }
        }
    }
}

TEST(TapSumsTest, WideVectorsGiveTheSameBits)
{
    constexpr std::size_t TAPS = 24;
    constexpr uint32_t PAIRS = 24;
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    const auto draw = [&](std::size_t count)
    {
        std::vector<float> values(count);
        std::ranges::generate(values, [&] { return normal(generator); });
        return values;
    };
    for (int trial = 0; trial < 100; ++trial)
    {
        const auto real = draw(TAPS);
        const auto imag = draw(TAPS);
        const auto coefficients = draw(2 * TAPS * PAIRS);
        std::vector<float> above(PAIRS);
        std::vector<float> below(PAIRS);
        auto fastAbove = draw(PAIRS);
        auto fastBelow = draw(PAIRS);
        const auto* factors = coefficients.data();
        TapSumsAnywhere(real, imag.data(), factors, above, below.data());
        FastestTapSums()(real, imag.data(), factors, fastAbove, fastBelow.data());
        ASSERT_EQ(fastAbove, above);
        ASSERT_EQ(fastBelow, below);
    }
}

} // namespace
} // namespace slicebridge::nr
