// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/slice-view.h"

#include "slicing/kpm-table.h"
#include "slicing/sla-reward.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string_view>

namespace slicebridge
{

namespace
{

enum class Curve : uint8_t
{
    Linear, ///< value / scale
    Log,    ///< log(1 + value) / log(1 + scale), for what spans decades
};

/// One KPM as an input; `scale` is the value, in the KPM's unit, that reads 1.
struct Feature
{
    std::string_view kpm;
    float scale;
    Curve curve;
};

constexpr std::array FEATURES{
    Feature{"x.prb_used_ratio", 1.0F, Curve::Linear},
    Feature{"x.power_used_ratio", 1.0F, Curve::Linear},
    Feature{"x.compute_used_ratio", 1.0F, Curve::Linear},
    Feature{"x.ues", 1e3F, Curve::Log},
    Feature{"DRB.MeanActiveUeDl", 1e3F, Curve::Log},
    Feature{"x.offered_kbps", 1e6F, Curve::Log},
    Feature{"x.goodput_kbps", 1e6F, Curve::Log},
    Feature{"DRB.UEThpDl", 1e6F, Curve::Log},
    Feature{"x.buffer_bytes", 1e8F, Curve::Log},
    Feature{"x.hol_delay_ms", 1e4F, Curve::Log},
    Feature{"x.packet_delay_ms", 1e4F, Curve::Log},
    Feature{"x.deadline_miss_ratio", 1.0F, Curve::Linear},
    Feature{"x.air_loss_ratio", 1.0F, Curve::Linear},
};

constexpr std::size_t SHARES = 3; ///< min PRB ratio, compute, power
constexpr std::size_t SLA_INPUTS = 4;
constexpr std::size_t INPUTS = FEATURES.size() + SHARES + SLA_INPUTS;

constexpr double SLA_RATE_SCALE_BPS = 1e9;
constexpr double SLA_BUDGET_SCALE_MS = 1e4;
constexpr double SLA_NINES = 6.0;
constexpr double BITS_PER_KBIT = 1e3;

/// NaN reads 0.
float UnitInterval(double value)
{
    return static_cast<float>(std::isnan(value) ? 0.0 : std::clamp(value, 0.0, 1.0));
}

float Scaled(const Feature& feature, float kpm)
{
    const double value = std::isnan(kpm) ? 0.0 : std::max(static_cast<double>(kpm), 0.0);
    const double scale = feature.scale;
    return UnitInterval(feature.curve == Curve::Log ? std::log1p(value) / std::log1p(scale)
                                                    : value / scale);
}

std::vector<float> SlaInputs(const Sla& sla, double weight)
{
    const auto logScaled = [](double value, double scale)
    { return UnitInterval(std::log1p(value) / std::log1p(scale)); };
    return {logScaled(sla.ueThroughput_bps.value_or(0.0) / BITS_PER_KBIT,
                      SLA_RATE_SCALE_BPS / BITS_PER_KBIT),
            logScaled(sla.delayBudget_ms.value_or(0.0), SLA_BUDGET_SCALE_MS),
            UnitInterval(-std::log10(1.0 - sla.reliability.value_or(0.0)) / SLA_NINES),
            static_cast<float>(weight)};
}

} // namespace

SliceView::SliceView(std::size_t cells, std::span<const SliceConfig> slices)
    : m_cells(cells)
{
    const auto weights = OperatorWeights(slices);
    for (std::size_t slice = 0; slice < slices.size(); ++slice)
    {
        m_sla.push_back(SlaInputs(slices[slice].sla, weights[slice]));
    }
    for (const auto& feature : FEATURES)
    {
        m_columns.push_back(SliceKpmColumn(feature.kpm));
    }
}

std::size_t SliceView::Size() const
{
    return m_cells * m_sla.size() * INPUTS;
}

void SliceView::Fill(const Observation& observation, std::span<float> view) const
{
    const std::size_t kpms = SliceKpmTable().size();
    const std::size_t rows = m_cells * m_sla.size();
    if (view.size() != Size() || observation.sliceHigh.size() != rows * kpms ||
        observation.report.projected.size() != rows)
    {
        throw std::logic_error("SliceView: an observation of another network");
    }
    auto out = view.begin();
    for (std::size_t row = 0; row < rows; ++row)
    {
        const auto values = std::span(observation.sliceHigh).subspan(row * kpms, kpms);
        for (std::size_t i = 0; i < FEATURES.size(); ++i)
        {
            *out++ = Scaled(FEATURES[i], values[m_columns[i]]);
        }
        const auto& inForce = observation.report.projected[row];
        for (const float share : {inForce.prb.min, inForce.computeShare, inForce.powerShare})
        {
            *out++ = UnitInterval(share);
        }
        out = std::ranges::copy(m_sla[row % m_sla.size()], out).out;
    }
}

} // namespace slicebridge
