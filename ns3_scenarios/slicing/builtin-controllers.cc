// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/builtin-controllers.h"

#include "slicing/five-qi.h"
#include "slicing/kpm-table.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace slicebridge
{

namespace
{

constexpr std::array<std::string_view, 3> NAMES{"static", "proportional", "max-weight"};

class StaticController : public Controller
{
  public:
    ControlLevels Levels() const override
    {
        return ControlLevels::High;
    }

    bool Decide(const Observation&, Control&) override
    {
        return true;
    }
};

/// kbit/s that each slice of each cell makes of one PRB, averaged over about ten periods.
class RatePerPrb
{
  public:
    explicit RatePerPrb(std::size_t entries)
        : m_rate_kbps(entries),
          m_prbs(entries)
    {
    }

    void Update(std::size_t entry, double rate_kbps, double prbs)
    {
        constexpr double KEEP = 0.9;
        m_rate_kbps[entry] = KEEP * m_rate_kbps[entry] + (1.0 - KEEP) * rate_kbps;
        m_prbs[entry] = KEEP * m_prbs[entry] + (1.0 - KEEP) * prbs;
    }

    /// Of the slice; of its cell where it had none; else 1, which makes slices alike.
    double Get_kbps(std::size_t entry, std::size_t slices) const
    {
        if (m_rate_kbps[entry] > 0.0 && m_prbs[entry] > 0.0)
        {
            return m_rate_kbps[entry] / m_prbs[entry];
        }
        const auto first = static_cast<std::ptrdiff_t>(entry - entry % slices);
        const auto sum = [first, slices](const std::vector<double>& values)
        {
            const auto begin = values.begin() + first;
            return std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(slices), 0.0);
        };
        const double prbs = sum(m_prbs);
        const double rate_kbps = sum(m_rate_kbps);
        return prbs > 0.0 && rate_kbps > 0.0 ? rate_kbps / prbs : 1.0;
    }

  private:
    std::vector<double> m_rate_kbps;
    std::vector<double> m_prbs;
};

/// Shares by a need that is computed from each slice's last high-level period.
class NeedController : public Controller
{
  public:
    explicit NeedController(NetworkShape network)
        : m_network(std::move(network)),
          m_ratePerPrb(m_network.cells * m_network.slices.size())
    {
    }

    ControlLevels Levels() const override
    {
        return ControlLevels::High;
    }

    bool Decide(const Observation& observation, Control& control) override
    {
        const std::size_t slices = m_network.slices.size();
        const std::size_t kpms = SliceKpmTable().size();
        const std::span kpm(observation.sliceHigh);
        for (std::size_t i = 0; i < m_network.cells * slices; ++i)
        {
            const auto row = kpm.subspan(i * kpms, kpms);
            m_ratePerPrb.Update(i, row[m_goodput], row[m_prbUsed]);
        }
        std::vector<double> needs(slices);
        for (std::size_t first = 0; first < m_network.cells * slices; first += slices)
        {
            for (std::size_t slice = 0; slice < slices; ++slice)
            {
                needs[slice] = Need(kpm.subspan((first + slice) * kpms, kpms),
                                    m_network.slices[slice],
                                    m_ratePerPrb.Get_kbps(first + slice, slices));
            }
            const auto controls = SharesToControls(SharesByNeed(needs));
            std::copy(controls.begin(),
                      controls.end(),
                      control.slices.begin() + static_cast<std::ptrdiff_t>(first));
        }
        return true;
    }

  protected:
    /// How much a slice needs, in any unit. `kpms` is its row of SliceKpmTable().
    virtual double Need(std::span<const float> kpms,
                        const SliceConfig& slice,
                        double ratePerPrb_kbps) const = 0;

    double Queued_kbit(std::span<const float> kpms) const
    {
        return kpms[m_buffer] * 8.0 / 1000.0;
    }

    NetworkShape m_network;

  private:
    RatePerPrb m_ratePerPrb;
    std::size_t m_goodput{SliceKpmColumn("x.goodput_kbps")};
    std::size_t m_prbUsed{SliceKpmColumn("RRU.PrbUsedDl")};
    std::size_t m_buffer{SliceKpmColumn("x.buffer_bytes")};
};

class ProportionalController : public NeedController
{
  public:
    using NeedController::NeedController;

  private:
    double Need(std::span<const float> kpms,
                const SliceConfig&,
                double ratePerPrb_kbps) const override
    {
        const double load_kbps =
            kpms[m_offered] + Queued_kbit(kpms) / m_network.highPeriod.GetSeconds();
        return load_kbps / ratePerPrb_kbps;
    }

    std::size_t m_offered{SliceKpmColumn("x.offered_kbps")};
};

class MaxWeightController : public NeedController
{
  public:
    using NeedController::NeedController;

  private:
    double Need(std::span<const float> kpms,
                const SliceConfig& slice,
                double ratePerPrb_kbps) const override
    {
        const double urgency = 1.0 + kpms[m_holDelay] / DelayBudget_ms(slice);
        const double backlog_kbit =
            Queued_kbit(kpms) + kpms[m_offered] * m_network.highPeriod.GetSeconds();
        return slice.sla.weight * backlog_kbit * ratePerPrb_kbps * urgency;
    }

    std::size_t m_holDelay{SliceKpmColumn("x.hol_delay_ms")};
    std::size_t m_offered{SliceKpmColumn("x.offered_kbps")};
};

} // namespace

std::span<const std::string_view> BuiltInControllerNames()
{
    return NAMES;
}

std::unique_ptr<Controller> MakeBuiltInController(std::string_view name, NetworkShape network)
{
    if (name == "static")
    {
        return std::make_unique<StaticController>();
    }
    if (name == "proportional")
    {
        return std::make_unique<ProportionalController>(std::move(network));
    }
    if (name == "max-weight")
    {
        return std::make_unique<MaxWeightController>(std::move(network));
    }
    std::string allowed;
    for (const auto& known : NAMES)
    {
        allowed.append(allowed.empty() ? "" : ", ").append(known);
    }
    throw std::invalid_argument("no policy is named '" + std::string(name) + "'; there are " +
                                allowed);
}

std::vector<double> SharesByNeed(std::span<const double> needs)
{
    const double sum = std::accumulate(needs.begin(), needs.end(), 0.0);
    const auto slices = static_cast<double>(needs.size());
    std::vector<double> shares(needs.size(), 1.0 / slices);
    if (sum > 0.0)
    {
        std::transform(needs.begin(),
                       needs.end(),
                       shares.begin(),
                       [&](double need)
                       { return MINIMUM_SHARE + (1.0 - slices * MINIMUM_SHARE) * need / sum; });
    }
    return shares;
}

std::vector<SliceControl> SharesToControls(std::span<const double> shares)
{
    std::vector<SliceControl> controls(shares.size());
    std::transform(shares.begin(),
                   shares.end(),
                   controls.begin(),
                   [](double share)
                   {
                       const auto ratio = static_cast<float>(share);
                       return SliceControl{{0.0F, ratio, 1.0F}, ratio, ratio};
                   });
    return controls;
}

} // namespace slicebridge
