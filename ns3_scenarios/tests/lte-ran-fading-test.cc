// SPDX-License-Identifier: GPL-2.0-only
#include "lte/jakes-fading.h"

#include "ns3/constant-position-mobility-model.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <gtest/gtest.h>
#include <numbers>
#include <numeric>
#include <vector>

namespace slicebridge
{
namespace
{

constexpr std::size_t RBS = 25;

ns3::Ptr<ns3::UniformRandomVariable> Random(int64_t stream)
{
    auto random = ns3::CreateObject<ns3::UniformRandomVariable>();
    random->SetStream(stream);
    return random;
}

std::vector<std::complex<double>> Channel(const JakesLink& link, double time_s)
{
    std::vector<float> real(RBS);
    std::vector<float> imaginary(RBS);
    link.Coefficients(time_s, real, imaginary);
    std::vector<std::complex<double>> channel;
    for (std::size_t rb = 0; rb < RBS; ++rb)
    {
        channel.emplace_back(real[rb], imaginary[rb]);
    }
    return channel;
}

TEST(JakesLink, MeanPowerGainIsOneOnEveryBlock)
{
    constexpr int LINKS = 400;
    constexpr int SAMPLES = 50;
    std::vector<double> power(RBS);
    for (int i = 0; i < LINKS; ++i)
    {
        const JakesLink link(100.0, Random(i));
        for (int t = 0; t < SAMPLES; ++t)
        {
            const auto channel = Channel(link, t * 0.037);
            for (std::size_t rb = 0; rb < RBS; ++rb)
            {
                power[rb] += std::norm(channel[rb]) / (LINKS * SAMPLES);
            }
        }
    }
    for (const auto mean : power)
    {
        // Some 20,000 nearly independent samples of variance 1: 0.03 are four deviations.
        EXPECT_NEAR(mean, 1.0, 0.03);
    }
}

TEST(JakesLink, PowerIsExponentialAsOfRayleighFading)
{
    // P(gain < x) = 1 - exp(-x)
    int belowTenth = 0;
    int belowOne = 0;
    constexpr int LINKS = 20000;
    for (int i = 0; i < LINKS; ++i)
    {
        const JakesLink link(100.0, Random(i));
        const double gain = std::norm(Channel(link, 1.0)[0]);
        belowTenth += gain < 0.1 ? 1 : 0;
        belowOne += gain < 1.0 ? 1 : 0;
    }
    EXPECT_NEAR(belowTenth / static_cast<double>(LINKS), 1.0 - std::exp(-0.1), 0.01);
    EXPECT_NEAR(belowOne / static_cast<double>(LINKS), 1.0 - std::exp(-1.0), 0.015);
}

TEST(JakesLink, AutocorrelationInTimeIsTheBesselFunction)
{
    constexpr double DOPPLER_HZ = 100.0;
    constexpr int LINKS = 2000;
    constexpr int SAMPLES = 20;
    std::vector<JakesLink> links;
    for (int i = 0; i < LINKS; ++i)
    {
        links.emplace_back(DOPPLER_HZ, Random(i));
    }
    for (const double lag_s : {0.0, 0.001, 0.002, 0.003827, 0.006, 0.010})
    {
        std::complex<double> sum;
        for (const auto& link : links)
        {
            for (int t = 0; t < SAMPLES; ++t)
            {
                const double time_s = t * 0.113;
                sum += Channel(link, time_s + lag_s)[7] * std::conj(Channel(link, time_s)[7]);
            }
        }
        sum /= LINKS * SAMPLES;
        const double expected = std::cyl_bessel_j(0, 2.0 * std::numbers::pi * DOPPLER_HZ * lag_s);
        EXPECT_NEAR(sum.real(), expected, 0.03) << lag_s;
        EXPECT_NEAR(sum.imag(), 0.0, 0.03) << lag_s;
    }
}

TEST(JakesLink, CorrelationInFrequencyFallsWithTheDelaySpread)
{
    constexpr int LINKS = 2000;
    std::complex<double> neighbours;
    std::complex<double> far;
    for (int i = 0; i < LINKS; ++i)
    {
        const auto channel = Channel(JakesLink(50.0, Random(i)), 0.5);
        neighbours += channel[1] * std::conj(channel[0]) / static_cast<double>(LINKS);
        far += channel[24] * std::conj(channel[0]) / static_cast<double>(LINKS);
    }
    EXPECT_GT(std::abs(neighbours), 0.85);
    EXPECT_LT(std::abs(far), 0.35);
}

TEST(JakesFadingModel, SameStreamSameChannelAndBothDirectionsAlike)
{
    const auto build = [](int64_t stream)
    {
        auto ue = ns3::CreateObject<ns3::ConstantPositionMobilityModel>();
        auto cell = ns3::CreateObject<ns3::ConstantPositionMobilityModel>();
        auto model = ns3::CreateObject<JakesFadingModel>();
        model->Configure(RBS, 2.12e9);
        model->AddLink(ue, cell, 15.0, stream);
        const auto down = model->PowerGain(*cell, *ue);
        std::vector<float> gains(down.begin(), down.end());
        const auto up = model->PowerGain(*ue, *cell);
        EXPECT_TRUE(std::ranges::equal(gains, up));
        EXPECT_TRUE(model->PowerGain(*ue, *ue).empty());
        return gains;
    };
    const auto first = build(42);
    EXPECT_EQ(first, build(42));
    EXPECT_NE(first, build(43));
    ns3::Simulator::Destroy();
}

} // namespace
} // namespace slicebridge
