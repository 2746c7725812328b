// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/arrival-process.h"

#include "traffic/random-draws.h"

#include <functional>
#include <utility>

namespace slicebridge
{

namespace
{

/// Equal gaps; the first is a uniform part of one, so that UEs do not send in step.
class EqualGaps : public ArrivalProcess
{
  public:
    EqualGaps(double gap_s, uint32_t ue)
        : m_gap_s(gap_s),
          m_first_s(gap_s * RandomDraws(DrawPurpose::Arrivals, ue).Uniform())
    {
    }

    double NextGap_s() override
    {
        return std::exchange(m_first_s, m_gap_s);
    }

  private:
    double m_gap_s;
    double m_first_s;
};

class PoissonArrivals : public ArrivalProcess
{
  public:
    PoissonArrivals(double rate_hz, uint32_t ue)
        : m_rate_hz(rate_hz),
          m_draws(DrawPurpose::Arrivals, ue)
    {
    }

    double NextGap_s() override
    {
        return m_draws.Exponential() / m_rate_hz;
    }

  private:
    double m_rate_hz;
    RandomDraws m_draws;
};

/// One arrival per period, displaced from the period's start by a time drawn anew in each.
class DisplacedPeriods : public ArrivalProcess
{
  public:
    using Displacement = std::function<double(RandomDraws&)>;

    /**
     * @param period_s of the arrivals
     * @param phase part of a period by which all periods of this UE are shifted, uniform in
     * [0, phase)
     * @param displacement in seconds, at most a period, so that order is kept
     */
    DisplacedPeriods(double period_s, double phase, Displacement displacement, uint32_t ue)
        : m_period_s(period_s),
          m_draws(DrawPurpose::Arrivals, ue),
          m_displacement(std::move(displacement)),
          m_untilPeriod_s(phase * period_s * m_draws.Uniform())
    {
    }

    double NextGap_s() override
    {
        const double displacement_s = m_displacement(m_draws);
        const double gap_s = m_untilPeriod_s + displacement_s;
        m_untilPeriod_s = m_period_s - displacement_s;
        return gap_s;
    }

  private:
    double m_period_s;
    RandomDraws m_draws;
    Displacement m_displacement;
    double m_untilPeriod_s; ///< from the last arrival to the start of the next period
};

constexpr double BITS_PER_BYTE = 8.0;
constexpr double S_PER_MS = 1e-3;

/// One overload per traffic model.
struct Maker
{
    const TrafficConfig& config;
    uint32_t ue;

    using Result = std::unique_ptr<ArrivalProcess>;

    Result operator()(const ConstantTraffic& traffic) const
    {
        return std::make_unique<EqualGaps>(PacketGap_s(traffic.rate_bps), ue);
    }

    Result operator()(const OnOffTraffic& traffic) const
    {
        return std::make_unique<EqualGaps>(PacketGap_s(traffic.rate_bps), ue);
    }

    Result operator()(const Ftp3Traffic& traffic) const
    {
        return std::make_unique<PoissonArrivals>(traffic.arrivalRate_hz, ue);
    }

    Result operator()(const PoissonTraffic& traffic) const
    {
        return std::make_unique<PoissonArrivals>(traffic.arrivalRate_hz, ue);
    }

    Result operator()(const PeriodicTraffic& traffic) const
    {
        const double jitter_s = traffic.jitter_ms * S_PER_MS;
        return std::make_unique<DisplacedPeriods>(
            traffic.period_ms * S_PER_MS,
            1.0,
            [jitter_s](RandomDraws& draws) { return jitter_s * draws.Uniform(); },
            ue);
    }

    Result operator()(const BetaBurstTraffic& traffic) const
    {
        const double duration_s = traffic.burstDuration_s;
        return std::make_unique<DisplacedPeriods>(
            traffic.burstPeriod_s,
            0.0,
            [duration_s](RandomDraws& draws) { return duration_s * draws.Beta34(); },
            ue);
    }

    double PacketGap_s(double rate_bps) const
    {
        return config.packet_bytes * BITS_PER_BYTE / rate_bps;
    }
};

} // namespace

std::unique_ptr<ArrivalProcess> MakeArrivalProcess(const TrafficConfig& config, uint32_t ue)
{
    return std::visit(Maker{.config = config, .ue = ue}, config.model);
}

} // namespace slicebridge
