// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/sla-reward.h"

#include "slicing/kpm-table.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace slicebridge
{

namespace
{

constexpr double POWER_PRICE = 0.1;
constexpr double PRB_PRICE = 0.1;
constexpr double KNEE = 0.8;
constexpr double WIDTH = 0.1;
constexpr double RATE_TOLERANCE = 0.1; ///< a packet across the end of a window counts in the next
constexpr double DEFAULT_RELIABILITY = 0.95;
constexpr double ROUNDING = 1e-9;
constexpr double BITS_PER_KBIT = 1e3;

double Sigmoid(double ratio)
{
    return 1.0 / (1.0 + std::exp(-(ratio - KNEE) / WIDTH));
}

double Smooth(double ratio)
{
    return Sigmoid(std::min(ratio, 1.0)) / Sigmoid(1.0);
}

} // namespace

std::vector<double> OperatorWeights(std::span<const SliceConfig> slices)
{
    double total = 0.0;
    for (const auto& slice : slices)
    {
        total += slice.sla.weight;
    }
    std::vector<double> weights;
    for (const auto& slice : slices)
    {
        weights.push_back(total > 0.0 ? slice.sla.weight / total
                                      : 1.0 / static_cast<double>(slices.size()));
    }
    return weights;
}

SlaReward::SlaReward(std::vector<SliceConfig> slices, std::vector<uint32_t> ueSlice)
    : m_slices(std::move(slices)),
      m_ueSlice(std::move(ueSlice)),
      m_weights(OperatorWeights(m_slices))
{
}

/// Sums over the UEs of each slice.
void SlaReward::AddRates(const Observation& observation, SlaSatisfaction& sums) const
{
    static const std::size_t delivered = UeKpmColumn("x.goodput_kbps");
    static const std::size_t offered = UeKpmColumn("x.offered_kbps");
    const std::size_t kpms = UeKpmTable().size();
    for (std::size_t ue = 0; ue < m_ueSlice.size(); ++ue)
    {
        const uint32_t slice = m_ueSlice[ue];
        const auto& target_bps = m_slices[slice].sla.ueThroughput_bps;
        double ratio = 1.0;
        if (target_bps)
        {
            const double needed_kbps =
                std::min<double>(*target_bps / BITS_PER_KBIT, observation.ue[ue * kpms + offered]);
            ratio = needed_kbps > 0.0 ? observation.ue[ue * kpms + delivered] / needed_kbps : 1.0;
        }
        sums.hard[slice] += ratio >= 1.0 - RATE_TOLERANCE ? 1.0 : 0.0;
        sums.smooth[slice] += Smooth(ratio);
    }
}

double SlaReward::DelayRatio(const Observation& observation, std::size_t slice) const
{
    static const std::size_t delivered = SliceKpmColumn("x.packets_delivered");
    static const std::size_t late = SliceKpmColumn("x.packets_late");
    static const std::size_t dropped = SliceKpmColumn("x.packets_dropped");
    static const std::size_t lost = SliceKpmColumn("x.packets_lost");
    const std::size_t kpms = SliceKpmTable().size();
    double inTime = 0.0;
    double known = 0.0;
    for (std::size_t at = slice * kpms; at < observation.sliceHigh.size();
         at += m_slices.size() * kpms)
    {
        const auto* values = &observation.sliceHigh[at];
        inTime += static_cast<double>(values[delivered]) - values[late];
        known += static_cast<double>(values[delivered]) + values[dropped] + values[lost];
    }
    const auto& sla = m_slices[slice].sla;
    if (!sla.delayBudget_ms || !(known > 0.0))
    {
        return 1.0;
    }
    return inTime / (known * sla.reliability.value_or(DEFAULT_RELIABILITY));
}

SlaSatisfaction SlaReward::Satisfaction(const Observation& observation) const
{
    const std::size_t slices = m_slices.size();
    SlaSatisfaction result{std::vector<double>(slices), std::vector<double>(slices)};
    AddRates(observation, result);
    for (std::size_t slice = 0; slice < slices; ++slice)
    {
        const auto ues = std::ranges::count(m_ueSlice, static_cast<uint32_t>(slice));
        const auto mean = [ues](double sum)
        { return ues == 0 ? 1.0 : sum / static_cast<double>(ues); };
        const double ratio = DelayRatio(observation, slice);
        result.hard[slice] =
            std::min(mean(result.hard[slice]), ratio >= 1.0 - ROUNDING ? 1.0 : 0.0);
        result.smooth[slice] = std::min(mean(result.smooth[slice]), Smooth(ratio));
    }
    return result;
}

double SlaReward::Reward(const Observation& observation, const SlaSatisfaction& satisfaction) const
{
    const auto& achieved = observation.report.achieved;
    double cost = 0.0;
    for (const auto& used : achieved)
    {
        cost += POWER_PRICE * used.powerShare + PRB_PRICE * used.prb.max;
    }
    const double cells = static_cast<double>(achieved.size() / m_slices.size());
    double reward = -cost / cells;
    for (std::size_t slice = 0; slice < m_slices.size(); ++slice)
    {
        reward += m_weights[slice] * satisfaction.smooth[slice];
    }
    return reward;
}

} // namespace slicebridge
