// SPDX-License-Identifier: GPL-2.0-only
//
// Path loss and line-of-sight probability against formulas of TR 38.901, written down anew here.
#include "nr-ran-testbed.h"
#include "nr/radio-environment.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numbers>

namespace slicebridge::nr::testing
{
namespace
{

constexpr double FREQUENCY_GHZ = 3.5;

struct Loss
{
    double los_db;
    double nlos_db;
};

/// A place of TR 38.901, 7.4: heights, and loss and LOS probability over the 2D distance.
struct Place
{
    const char* name;
    PropagationModel model;
    double site_m;
    double ue_m;
    double nearest_m;
    double farthest_m;
    Loss (*loss)(double d2_m, double site_m, double ue_m);
    double (*losProbability)(double d2_m);
};

double Distance3d(double d2_m, double site_m, double ue_m)
{
    return std::hypot(d2_m, site_m - ue_m);
}

/// Table 7.4.1-1, UMa; effective environment height 1 m for UEs below 13 m.
Loss UmaLoss(double d2, double site, double ue)
{
    const double d3 = Distance3d(d2, site, ue);
    const double breakpoint = 4 * (site - 1) * (ue - 1) * FREQUENCY_GHZ * 1e9 / 3e8;
    const double near = 28 + 22 * std::log10(d3) + 20 * std::log10(FREQUENCY_GHZ);
    const double far = 28 + 40 * std::log10(d3) + 20 * std::log10(FREQUENCY_GHZ) -
                       9 * std::log10(breakpoint * breakpoint + (site - ue) * (site - ue));
    const double los = d2 <= breakpoint ? near : far;
    const double nlos =
        13.54 + 39.08 * std::log10(d3) + 20 * std::log10(FREQUENCY_GHZ) - 0.6 * (ue - 1.5);
    return {los, std::max(los, nlos)};
}

double UmaProbability(double d2)
{
    return d2 <= 18 ? 1.0 : 18 / d2 + std::exp(-d2 / 63) * (1 - 18 / d2);
}

Loss UmiLoss(double d2, double site, double ue)
{
    const double d3 = Distance3d(d2, site, ue);
    const double breakpoint = 4 * (site - 1) * (ue - 1) * FREQUENCY_GHZ * 1e9 / 3e8;
    const double near = 32.4 + 21 * std::log10(d3) + 20 * std::log10(FREQUENCY_GHZ);
    const double far = 32.4 + 40 * std::log10(d3) + 20 * std::log10(FREQUENCY_GHZ) -
                       9.5 * std::log10(breakpoint * breakpoint + (site - ue) * (site - ue));
    const double los = d2 <= breakpoint ? near : far;
    const double nlos =
        22.4 + 35.3 * std::log10(d3) + 21.3 * std::log10(FREQUENCY_GHZ) - 0.3 * (ue - 1.5);
    return {los, std::max(los, nlos)};
}

double UmiProbability(double d2)
{
    return d2 <= 18 ? 1.0 : 18 / d2 + std::exp(-d2 / 36) * (1 - 18 / d2);
}

/// Average building height 5 m, street width 20 m.
Loss RmaLoss(double d2, double site, double ue)
{
    constexpr double H = 5.0;
    constexpr double W = 20.0;
    const double d3 = Distance3d(d2, site, ue);
    const double breakpoint = 2 * std::numbers::pi * site * ue * FREQUENCY_GHZ * 1e9 / 3e8;
    const auto first = [](double d)
    {
        return 20 * std::log10(40 * std::numbers::pi * d * FREQUENCY_GHZ / 3) +
               std::min(0.03 * std::pow(H, 1.72), 10.0) * std::log10(d) -
               std::min(0.044 * std::pow(H, 1.72), 14.77) + 0.002 * std::log10(H) * d;
    };
    const double los =
        d2 <= breakpoint ? first(d3) : first(breakpoint) + 40 * std::log10(d3 / breakpoint);
    const double nlos = 161.04 - 7.1 * std::log10(W) + 7.5 * std::log10(H) -
                        (24.37 - 3.7 * (H / site) * (H / site)) * std::log10(site) +
                        (43.42 - 3.1 * std::log10(site)) * (std::log10(d3) - 3) +
                        20 * std::log10(FREQUENCY_GHZ) -
                        (3.2 * std::pow(std::log10(11.75 * ue), 2) - 4.97);
    return {los, std::max(los, nlos)};
}

double RmaProbability(double d2)
{
    return d2 <= 10 ? 1.0 : std::exp(-(d2 - 10) / 1000);
}

Loss InhLoss(double d2, double site, double ue)
{
    const double d3 = Distance3d(d2, site, ue);
    const double los = 32.4 + 17.3 * std::log10(d3) + 20 * std::log10(FREQUENCY_GHZ);
    const double nlos = 17.3 + 38.3 * std::log10(d3) + 24.9 * std::log10(FREQUENCY_GHZ);
    return {los, std::max(los, nlos)};
}

/// Open office.
double InhProbability(double d2)
{
    return d2 <= 5    ? 1.0
           : d2 <= 49 ? std::exp(-(d2 - 5) / 70.8)
                      : 0.54 * std::exp(-(d2 - 49) / 211.7);
}

class NrPropagation : public ::testing::TestWithParam<Place>
{
  protected:
    static constexpr int DISTANCES = 20;

    static double Distance_m(int index)
    {
        const auto& place = GetParam();
        return place.nearest_m *
               std::pow(place.farthest_m / place.nearest_m, index / (DISTANCES - 1.0));
    }

    /// UEs around the one site, `perDistance` at each of the distances, without fading.
    static NrRanConfig Config(LineOfSight lineOfSight, int perDistance)
    {
        const auto& place = GetParam();
        auto config = ConstantSinr(0.0);
        config.carrier.frequency_hz = FREQUENCY_GHZ * 1e9;
        config.sites.height_m = place.site_m;
        config.propagation.model = place.model;
        config.propagation.lineOfSight = lineOfSight;
        config.propagation.shadowing = false;
        config.ues.clear();
        for (int i = 0; i < DISTANCES * perDistance; ++i)
        {
            const double angle = 2 * std::numbers::pi * i / (DISTANCES * perDistance);
            const double d2_m = Distance_m(i / perDistance);
            config.ues.push_back(
                {.slice = 0,
                 .cell = 0,
                 .position_m =
                     ns3::Vector(d2_m * std::cos(angle), d2_m * std::sin(angle), place.ue_m)});
        }
        return config;
    }

    static double Loss_db(const RadioEnvironment& environment, std::size_t ue)
    {
        return -10.0 * std::log10(environment.MeanGain(ue, 0));
    }

    void TearDown() override
    {
        ns3::Simulator::Destroy();
    }
};

INSTANTIATE_TEST_SUITE_P(
    Tr38901,
    NrPropagation,
    ::testing::Values(
        Place{"UMa", PropagationModel::Uma, 25, 1.5, 12, 3000, &UmaLoss, &UmaProbability},
        Place{"UMi", PropagationModel::Umi, 10, 1.5, 12, 1500, &UmiLoss, &UmiProbability},
        Place{"RMa", PropagationModel::Rma, 35, 1.5, 12, 4500, &RmaLoss, &RmaProbability},
        Place{"InH", PropagationModel::Inh, 3, 1.0, 2, 120, &InhLoss, &InhProbability}),
    [](const auto& place) { return place.param.name; });

TEST_P(NrPropagation, PathLossFollowsTheFormulas)
{
    const auto& place = GetParam();
    RadioEnvironment clear(Config(LineOfSight::Always, 1), 1);
    RadioEnvironment hidden(Config(LineOfSight::Never, 1), 1);
    for (int i = 0; i < DISTANCES; ++i)
    {
        const auto [los_db, nlos_db] = place.loss(Distance_m(i), place.site_m, place.ue_m);
        EXPECT_NEAR(Loss_db(clear, i), los_db, 0.02) << Distance_m(i) << " m";
        EXPECT_NEAR(Loss_db(hidden, i), nlos_db, 0.02) << Distance_m(i) << " m";
    }
}

TEST_P(NrPropagation, LineOfSightIsAsProbableAsTheFormulasSay)
{
    constexpr int UES = 600;
    const auto& place = GetParam();
    ns3::RngSeedManager::SetRun(3);
    RadioEnvironment environment(Config(LineOfSight::Random, UES), 1);
    for (int i = 0; i < DISTANCES; ++i)
    {
        const double d2_m = Distance_m(i);
        const auto [los_db, nlos_db] = place.loss(d2_m, place.site_m, place.ue_m);
        if (nlos_db - los_db < 0.1)
        {
            continue; // not to be told apart
        }
        int clear = 0;
        for (int ue = i * UES; ue < (i + 1) * UES; ++ue)
        {
            clear += Loss_db(environment, ue) < 0.5 * (los_db + nlos_db) ? 1 : 0;
        }
        const double expected = place.losProbability(d2_m);
        const double deviation = std::sqrt(expected * (1.0 - expected) / UES);
        EXPECT_NEAR(clear / double(UES), expected, 4.0 * deviation + 1e-9) << d2_m << " m";
    }
}

} // namespace
} // namespace slicebridge::nr::testing
