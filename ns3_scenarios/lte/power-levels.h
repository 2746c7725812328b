// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_POWER_LEVELS_H
#define SLICEBRIDGE_LTE_POWER_LEVELS_H

#include "slicing/rrm-policy.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge
{

/// Values of P_A in dB (TS 36.331, PDSCH-ConfigDedicated), in ascending order.
inline constexpr std::array<double, 8> PA_LEVELS_DB{-6.0, -4.77, -3.0, -1.77, 0.0, 1.0, 2.0, 3.0};

/// Index of 0 dB, what a UE has after it connected.
inline constexpr uint8_t PA_LEVEL_0_DB = 4;

/// Power of P_A level `level` relative to 0 dB, linear.
double PaGain(uint8_t level);

/// A UE whose P_A is to be chosen.
struct UePowerRequest
{
    uint32_t slice{};
    double offset_db{}; ///< on top of its slice's power
};

/**
 * Power per PRB of a slice, in dB over an even spread of the budget: its part of the power over its
 * part of the PRBs, where the latter is its `min` ratio over the sum of them (an equal part if all
 * are 0). The result is clamped to [-6, 3].
 */
double SlicePower_db(std::span<const RrmPolicyRatio> policies,
                     std::span<const float> powerShares,
                     std::size_t slice);

/**
 * P_A level of each UE: the greatest that is not above its slice's power plus its offset, and then
 * lowered, the highest first, until no allocation that the caps allow takes more than the cell's
 * power budget. So a level above 0 dB needs caps (`max`) that keep the slice from the whole cell.
 * Repetitions that pass a cap because they cannot wait are not covered by the bound.
 */
std::vector<uint8_t> ChoosePaLevels(std::span<const RrmPolicyRatio> policies,
                                    std::span<const float> powerShares,
                                    std::span<const UePowerRequest> ues);

/**
 * The most power that one TTI can take, over the cell's budget: every slice sends at its highest
 * level, the highest first, each up to its cap, until all PRBs are used.
 * @param gains greatest linear gain of each slice's UEs
 */
double WorstCasePower(std::span<const RrmPolicyRatio> policies, std::span<const double> gains);

} // namespace slicebridge

#endif
