// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_RRM_POLICY_H
#define SLICEBRIDGE_SLICING_RRM_POLICY_H

#include <span>
#include <vector>

namespace slicebridge
{

/**
 * Shares of a cell's allocatable PRBs for one slice, with the meaning of RRMPolicyRatio
 * (3GPP TS 28.541, 4.3.36). All are ratios in [0, 1].
 *
 * `dedicated` stays idle if the slice does not use it; `min` - `dedicated` is guaranteed but lent
 * while unused; `max` is a cap. 0 <= dedicated <= min <= max <= 1, and over the slices of a cell
 * sum(dedicated) <= sum(min) <= 1.
 */
struct RrmPolicyRatio
{
    float dedicated{0.0F};
    float min{0.0F};
    float max{1.0F};
};

/// True if `policies` meet every inequality named at RrmPolicyRatio (tolerance 1e-6).
bool IsFeasible(std::span<const RrmPolicyRatio> policies);

/**
 * Nearest simple feasible policies: each ratio is clamped to [0, 1] (NaN to 0), a sum of minima
 * above 1 is scaled down proportionally, dedicated <= min and max >= min are then enforced.
 * A feasible input comes back bit for bit.
 */
std::vector<RrmPolicyRatio> Project(std::span<const RrmPolicyRatio> requested);

} // namespace slicebridge

#endif
