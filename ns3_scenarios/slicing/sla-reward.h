// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_SLA_REWARD_H
#define SLICEBRIDGE_SLICING_SLA_REWARD_H

#include "slicing/controller.h"
#include "slicing/slice.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge
{

/// How well the slices meet their SLAs over all cells, [slice], each in [0, 1].
struct SlaSatisfaction
{
    std::vector<double> hard;   ///< part of the UEs (rate SLA), or 0 or 1 (delay SLA)
    std::vector<double> smooth; ///< the same without a step, to learn from
};

/// Operator weight of each slice, normalised to a sum of 1; equal if all are 0.
std::vector<double> OperatorWeights(std::span<const SliceConfig> slices);

/**
 * The reward of the high level, as the Python class SlaReward computes it with its default prices:
 * r = sum_k w_k sat_k - 0.1 P/P_max - 0.1 RB/RB_max, power and PRBs as means over cells.
 *
 * Rate SLA, per UE: ratio = delivered / min(target, offered), 1 if nothing was offered; hard from
 * 0.9 on. Delay SLA: ratio = part in time of the packets whose fate is known / reliability (0.95
 * if there is none), 1 without such packets; hard from 1 on. Smooth is a sigmoid about 0.8. A
 * slice with both counts the worse; one with none is satisfied.
 */
class SlaReward
{
  public:
    /// @param ueSlice slice id of each UE
    SlaReward(std::vector<SliceConfig> slices, std::vector<uint32_t> ueSlice);

    /// Of the last high-level period, for observations of ControlLevels::High.
    SlaSatisfaction Satisfaction(const Observation& observation) const;

    /// In [-0.2, 1].
    double Reward(const Observation& observation, const SlaSatisfaction& satisfaction) const;

  private:
    void AddRates(const Observation& observation, SlaSatisfaction& sums) const;
    double DelayRatio(const Observation& observation, std::size_t slice) const;

    std::vector<SliceConfig> m_slices;
    std::vector<uint32_t> m_ueSlice;
    std::vector<double> m_weights;
};

} // namespace slicebridge

#endif
