// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/rrm-policy.h"

#include <algorithm>

namespace slicebridge
{

namespace
{

constexpr double TOLERANCE = 1e-6;

float ClampRatio(float ratio)
{
    // Written so that NaN becomes 0.
    return ratio > 0.0F ? std::min(ratio, 1.0F) : 0.0F;
}

} // namespace

bool IsFeasible(std::span<const RrmPolicyRatio> policies)
{
    double sumMin = 0.0;
    for (const auto& policy : policies)
    {
        const double dedicated = policy.dedicated;
        const double min = policy.min;
        const double max = policy.max;
        // Each comparison is false for NaN.
        if (!(dedicated >= -TOLERANCE && dedicated <= min + TOLERANCE && min <= max + TOLERANCE &&
              max <= 1.0 + TOLERANCE))
        {
            return false;
        }
        sumMin += min;
    }
    return sumMin <= 1.0 + TOLERANCE;
}

std::vector<RrmPolicyRatio> Project(std::span<const RrmPolicyRatio> requested)
{
    std::vector<RrmPolicyRatio> projected(requested.begin(), requested.end());
    if (IsFeasible(projected))
    {
        return projected;
    }
    double sumMin = 0.0;
    for (auto& policy : projected)
    {
        policy = {ClampRatio(policy.dedicated), ClampRatio(policy.min), ClampRatio(policy.max)};
        sumMin += policy.min;
    }
    for (auto& policy : projected)
    {
        if (sumMin > 1.0)
        {
            policy.min = static_cast<float>(policy.min / sumMin);
        }
        policy.dedicated = std::min(policy.dedicated, policy.min);
        policy.max = std::max(policy.max, policy.min);
    }
    return projected;
}

} // namespace slicebridge
