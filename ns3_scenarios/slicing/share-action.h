// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_SHARE_ACTION_H
#define SLICEBRIDGE_SLICING_SHARE_ACTION_H

#include "slicing/control.h"

#include <cstddef>
#include <span>
#include <vector>

namespace slicebridge
{

/// Resources that the high level shares between slices, in the order of an action: PRBs, DU
/// compute, transmit power.
constexpr std::size_t SHARED_RESOURCES = 3;

/// Smallest share of any slice.
constexpr double SHARE_FLOOR = 0.05;

/**
 * Controls that scores stand for, as the Python class SliceEnv has them: each resource of each
 * cell is shared by rho_k = floor + (1 - K floor) a_k / sum(a), equally if all scores are 0; a PRB
 * share becomes a policy with dedicated 0, min rho_k, max 1. Scores are clipped into [0, 1].
 * @param scores [cell][resource][slice], finite
 * @param slices K per cell, at most 1 / SHARE_FLOOR
 * @param controls [cell][slice], overwritten
 * @throws std::invalid_argument if a score is not finite, or their number does not fit
 */
void SharesFromScores(std::span<const float> scores,
                      std::size_t slices,
                      std::vector<SliceControl>& controls);

} // namespace slicebridge

#endif
