// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_LOAD_H
#define SLICEBRIDGE_TRAFFIC_LOAD_H

#include "traffic/random-draws.h"
#include "traffic/traffic-config.h"

#include <memory>
#include <optional>
#include <vector>

namespace slicebridge
{

/// Part of a load's course in time on which the factor is linear.
struct LoadSegment
{
    double end_s{};       ///< infinity for the last
    double factor{};      ///< at the time asked for, >= 0
    double slope_per_s{}; ///< of the factor
};

/**
 * A factor on arrival rates as a function of simulated time. Its integral is the "work" time that
 * arrival processes run in: whatever would arrive after w seconds at factor 1 arrives when the
 * integral has grown by w, which makes a Poisson process inhomogeneous in the exact sense and
 * stretches a periodic one.
 */
class Load
{
  public:
    virtual ~Load() = default;

    /// The segment that holds `time_s` (seconds of simulated time), from there on.
    virtual LoadSegment At(double time_s) = 0;

    /// Time zero of a profile; before it, a profile has its first factor.
    virtual void SetOrigin(double time_s);

    /// Integral of the factor from `from_s` to `to_s`.
    double Work(double from_s, double to_s);

    /// When the integral from `from_s` on reaches `work_s` >= 0; nothing if not by `until_s`.
    std::optional<double> After(double from_s, double work_s, double until_s);
};

/// A load as configured. UEs of a slice share it, so that the load of a slice varies as one.
std::shared_ptr<Load> MakeLoad(const LoadConfig& config, uint32_t slice);

/// `base` while on, zero while off; on and off times are exponential.
std::shared_ptr<Load> MakeOnOffLoad(std::shared_ptr<Load> base,
                                    double onMean_s,
                                    double offMean_s,
                                    uint32_t ue);

} // namespace slicebridge

#endif
