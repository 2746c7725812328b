// SPDX-License-Identifier: GPL-2.0-only
#include "lte/power-levels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace slicebridge
{

namespace
{

/// Shares are floats: 1/3 of the power for 1/3 of the PRBs shall be 0 dB, not just below it.
constexpr double TOLERANCE_DB = 1e-4;
constexpr double TOLERANCE_POWER = 1e-6;

uint8_t LevelBelow(double power_db)
{
    uint8_t level = PA_LEVELS_DB.size() - 1;
    while (level > 0 && PA_LEVELS_DB[level] > power_db + TOLERANCE_DB)
    {
        --level;
    }
    return level;
}

std::vector<double> SliceGains(std::size_t slices,
                               std::span<const UePowerRequest> ues,
                               std::span<const uint8_t> levels)
{
    std::vector<double> gains(slices, 0.0);
    for (std::size_t i = 0; i < ues.size(); ++i)
    {
        double& gain = gains[ues[i].slice];
        gain = std::max(gain, PaGain(levels[i]));
    }
    return gains;
}

} // namespace

double PaGain(uint8_t level)
{
    return std::pow(10.0, PA_LEVELS_DB[level] / 10.0);
}

double SlicePower_db(std::span<const RrmPolicyRatio> policies,
                     std::span<const float> powerShares,
                     std::size_t slice)
{
    const double sumMin =
        std::accumulate(policies.begin(),
                        policies.end(),
                        0.0,
                        [](double sum, const auto& policy) { return sum + policy.min; });
    const double prbShare =
        sumMin > 0.0 ? policies[slice].min / sumMin : 1.0 / static_cast<double>(policies.size());
    const double power = powerShares[slice];
    if (power <= 0.0)
    {
        return PA_LEVELS_DB.front();
    }
    if (prbShare <= 0.0)
    {
        return PA_LEVELS_DB.back();
    }
    const double ratio_db = 10.0 * std::log10(power / prbShare);
    return std::clamp(ratio_db, PA_LEVELS_DB.front(), PA_LEVELS_DB.back());
}

double WorstCasePower(std::span<const RrmPolicyRatio> policies, std::span<const double> gains)
{
    std::vector<std::size_t> order(policies.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](auto a, auto b) { return gains[a] > gains[b]; });
    double left = 1.0;
    double power = 0.0;
    for (const auto slice : order)
    {
        const double part = std::min<double>(left, policies[slice].max);
        power += part * gains[slice];
        left -= part;
    }
    return power;
}

std::vector<uint8_t> ChoosePaLevels(std::span<const RrmPolicyRatio> policies,
                                    std::span<const float> powerShares,
                                    std::span<const UePowerRequest> ues)
{
    std::vector<uint8_t> levels(ues.size());
    for (std::size_t i = 0; i < ues.size(); ++i)
    {
        levels[i] =
            LevelBelow(SlicePower_db(policies, powerShares, ues[i].slice) + ues[i].offset_db);
    }
    // At 0 dB for all, the bound holds whatever the caps, so the ceiling never goes below.
    for (uint8_t ceiling = PA_LEVELS_DB.size() - 1; ceiling > PA_LEVEL_0_DB; --ceiling)
    {
        const auto gains = SliceGains(policies.size(), ues, levels);
        if (WorstCasePower(policies, gains) <= 1.0 + TOLERANCE_POWER)
        {
            break;
        }
        for (auto& level : levels)
        {
            level = std::min<uint8_t>(level, ceiling - 1);
        }
    }
    return levels;
}

} // namespace slicebridge
