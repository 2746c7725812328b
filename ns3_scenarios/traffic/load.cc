// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/load.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace slicebridge
{

namespace
{

constexpr double FOREVER_S = std::numeric_limits<double>::infinity();

class ConstantLoad : public Load
{
  public:
    explicit ConstantLoad(double factor)
        : m_factor(factor)
    {
    }

    LoadSegment At(double) override
    {
        return {.end_s = FOREVER_S, .factor = m_factor, .slope_per_s = 0.0};
    }

  private:
    double m_factor;
};

class ProfileLoad : public Load
{
  public:
    explicit ProfileLoad(std::vector<ProfileLoadConfig::Point> points)
        : m_points(std::move(points))
    {
    }

    void SetOrigin(double time_s) override
    {
        m_origin_s = time_s;
    }

    LoadSegment At(double time_s) override
    {
        const auto right = std::upper_bound(m_points.begin(),
                                            m_points.end(),
                                            time_s,
                                            [this](double time, const auto& point)
                                            { return time < m_origin_s + point.time_s; });
        if (right == m_points.end())
        {
            return {.end_s = FOREVER_S, .factor = m_points.back().factor, .slope_per_s = 0.0};
        }
        const double end_s = m_origin_s + right->time_s;
        if (right == m_points.begin())
        {
            return {.end_s = end_s, .factor = right->factor, .slope_per_s = 0.0};
        }
        const auto left = std::prev(right);
        const double slope = (right->factor - left->factor) / (right->time_s - left->time_s);
        const double factor = right->factor - slope * (end_s - time_s);
        return {.end_s = end_s, .factor = std::max(factor, 0.0), .slope_per_s = slope};
    }

  private:
    std::vector<ProfileLoadConfig::Point> m_points;
    double m_origin_s{FOREVER_S}; ///< not known before warm-up has ended
};

/// A path of constant pieces that is drawn as far as it was asked for, so that all who share it
/// see the same one whoever asks first.
class DrawnLoad : public Load
{
  public:
    DrawnLoad(DrawPurpose purpose, uint32_t owner)
        : m_draws(purpose, owner)
    {
    }

    LoadSegment At(double time_s) override
    {
        while (m_pieces.empty() || m_pieces.back().end_s <= time_s)
        {
            const double begin_s = m_pieces.empty() ? 0.0 : m_pieces.back().end_s;
            const auto [holding_s, factor] = Next(m_draws);
            m_pieces.push_back({.end_s = begin_s + holding_s, .factor = factor, .slope_per_s = 0});
        }
        // Almost always the last piece or the one before; time never goes back by much.
        auto piece = std::prev(m_pieces.end());
        while (piece != m_pieces.begin() && std::prev(piece)->end_s > time_s)
        {
            --piece;
        }
        return *piece;
    }

  protected:
    struct Piece
    {
        double holding_s;
        double factor;
    };

    virtual Piece Next(RandomDraws& draws) = 0;

  private:
    RandomDraws m_draws;
    std::vector<LoadSegment> m_pieces;
};

class MarkovLoad : public DrawnLoad
{
  public:
    MarkovLoad(std::vector<MarkovLoadConfig::State> states, uint32_t slice)
        : DrawnLoad(DrawPurpose::Load, slice),
          m_states(std::move(states))
    {
    }

  private:
    Piece Next(RandomDraws& draws) override
    {
        const auto count = static_cast<uint32_t>(m_states.size());
        if (m_state)
        {
            // Uniform among the others: skip over the present one.
            const uint32_t other = draws.Index(count - 1);
            m_state = other < *m_state ? other : other + 1;
        }
        else
        {
            m_state = DrawStationary(draws);
        }
        const auto& state = m_states[*m_state];
        return {.holding_s = state.meanHolding_s * draws.Exponential(), .factor = state.factor};
    }

    /// The jump chain is symmetric, so the chain spends time in proportion to the mean holdings.
    uint32_t DrawStationary(RandomDraws& draws) const
    {
        double total_s = 0.0;
        for (const auto& state : m_states)
        {
            total_s += state.meanHolding_s;
        }
        double left_s = draws.Uniform() * total_s;
        uint32_t index = 0;
        while (index + 1 < m_states.size() && left_s >= m_states[index].meanHolding_s)
        {
            left_s -= m_states[index].meanHolding_s;
            ++index;
        }
        return index;
    }

    std::vector<MarkovLoadConfig::State> m_states;
    std::optional<uint32_t> m_state;
};

class OnOffSwitch : public DrawnLoad
{
  public:
    OnOffSwitch(double onMean_s, double offMean_s, uint32_t ue)
        : DrawnLoad(DrawPurpose::Phases, ue),
          m_onMean_s(onMean_s),
          m_offMean_s(offMean_s)
    {
    }

  private:
    Piece Next(RandomDraws& draws) override
    {
        m_on = m_on ? !*m_on : draws.Uniform() * (m_onMean_s + m_offMean_s) < m_onMean_s;
        const double mean_s = *m_on ? m_onMean_s : m_offMean_s;
        return {.holding_s = mean_s * draws.Exponential(), .factor = *m_on ? 1.0 : 0.0};
    }

    double m_onMean_s;
    double m_offMean_s;
    std::optional<bool> m_on;
};

class SwitchedLoad : public Load
{
  public:
    SwitchedLoad(std::shared_ptr<Load> base, std::unique_ptr<Load> gate)
        : m_base(std::move(base)),
          m_gate(std::move(gate))
    {
    }

    LoadSegment At(double time_s) override
    {
        const LoadSegment base = m_base->At(time_s);
        const LoadSegment gate = m_gate->At(time_s);
        return {.end_s = std::min(base.end_s, gate.end_s),
                .factor = base.factor * gate.factor,
                .slope_per_s = base.slope_per_s * gate.factor};
    }

  private:
    std::shared_ptr<Load> m_base; ///< its origin is set by whoever owns it
    std::unique_ptr<Load> m_gate;
};

/// Time within a segment until its integral is `work_s`; infinity if it is never.
double TimeFor(const LoadSegment& segment, double work_s)
{
    // factor t + slope t^2 / 2 = work, in the form that does not cancel as the slope goes to zero.
    const double root = segment.factor * segment.factor + 2.0 * segment.slope_per_s * work_s;
    const double divisor = segment.factor + std::sqrt(std::max(root, 0.0));
    return root < 0.0 || divisor <= 0.0 ? FOREVER_S : 2.0 * work_s / divisor;
}

double WorkOf(const LoadSegment& segment, double length_s)
{
    return segment.factor * length_s + 0.5 * segment.slope_per_s * length_s * length_s;
}

} // namespace

void Load::SetOrigin(double)
{
}

double Load::Work(double from_s, double to_s)
{
    double work_s = 0.0;
    while (from_s < to_s)
    {
        const LoadSegment segment = At(from_s);
        const double end_s = std::min(segment.end_s, to_s);
        work_s += WorkOf(segment, end_s - from_s);
        from_s = end_s;
    }
    return work_s;
}

std::optional<double> Load::After(double from_s, double work_s, double until_s)
{
    while (from_s <= until_s)
    {
        const LoadSegment segment = At(from_s);
        const double time_s = from_s + TimeFor(segment, work_s);
        if (time_s <= segment.end_s && time_s <= until_s)
        {
            return time_s;
        }
        if (segment.end_s > until_s)
        {
            break;
        }
        work_s = std::max(work_s - WorkOf(segment, segment.end_s - from_s), 0.0);
        from_s = segment.end_s;
    }
    return std::nullopt;
}

std::shared_ptr<Load> MakeLoad(const LoadConfig& config, uint32_t slice)
{
    if (const auto* profile = std::get_if<ProfileLoadConfig>(&config))
    {
        return std::make_shared<ProfileLoad>(profile->points);
    }
    if (const auto* markov = std::get_if<MarkovLoadConfig>(&config))
    {
        return std::make_shared<MarkovLoad>(markov->states, slice);
    }
    return std::make_shared<ConstantLoad>(std::get<ConstantLoadConfig>(config).factor);
}

std::shared_ptr<Load> MakeOnOffLoad(std::shared_ptr<Load> base,
                                    double onMean_s,
                                    double offMean_s,
                                    uint32_t ue)
{
    return std::make_shared<SwitchedLoad>(std::move(base),
                                          std::make_unique<OnOffSwitch>(onMean_s, offMean_s, ue));
}

} // namespace slicebridge
