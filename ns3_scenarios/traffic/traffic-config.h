// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_TRAFFIC_CONFIG_H
#define SLICEBRIDGE_TRAFFIC_TRAFFIC_CONFIG_H

#include <cstdint>
#include <variant>
#include <vector>

namespace slicebridge
{

/// A factor that never changes.
struct ConstantLoadConfig
{
    double factor{1.0}; ///< >= 0
};

/// A factor that is linear between points and constant outside them.
struct ProfileLoadConfig
{
    struct Point
    {
        double time_s{}; ///< since the end of warm-up, strictly increasing
        double factor{}; ///< >= 0
    };

    std::vector<Point> points; ///< at least one
};

/// A continuous-time Markov chain over factors; the next state is uniform among the others.
struct MarkovLoadConfig
{
    struct State
    {
        double factor{};        ///< >= 0
        double meanHolding_s{}; ///< > 0, exponential
    };

    std::vector<State> states; ///< at least two
};

/// What multiplies the arrival rate of a slice's sources over time.
using LoadConfig = std::variant<ConstantLoadConfig, ProfileLoadConfig, MarkovLoadConfig>;

/// Packets at equal distances.
struct ConstantTraffic
{
    double rate_bps{}; ///< of UDP payload
};

/// FTP model 3 (TR 36.889, A.1.1): files arrive as a Poisson process, each independent of the last.
struct Ftp3Traffic
{
    uint32_t file_bytes{};
    double arrivalRate_hz{}; ///< files per second and UE
};

/// Video-like: exponential times on and off, a constant rate while on.
struct OnOffTraffic
{
    double rate_bps{}; ///< while on
    double onMean_s{};
    double offMean_s{};
};

/// One packet per period, each late by its own uniform jitter.
struct PeriodicTraffic
{
    double period_ms{};
    double jitter_ms{}; ///< 0 .. period
};

/// Packets as a Poisson process.
struct PoissonTraffic
{
    double arrivalRate_hz{};
};

/// One packet per device and burst, its offset into the burst Beta(3, 4) (TR 37.868, traffic
/// model 2): all devices of the slice react to the same event.
struct BetaBurstTraffic
{
    double burstPeriod_s{};
    double burstDuration_s{}; ///< at most the period
};

using TrafficModel = std::variant<ConstantTraffic,
                                  Ftp3Traffic,
                                  OnOffTraffic,
                                  PeriodicTraffic,
                                  PoissonTraffic,
                                  BetaBurstTraffic>;

/// What each UE of a slice is sent.
struct TrafficConfig
{
    TrafficModel model;
    uint32_t packet_bytes{1200}; ///< UDP payload
    LoadConfig load{};
};

} // namespace slicebridge

#endif
