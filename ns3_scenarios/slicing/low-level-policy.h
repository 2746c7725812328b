// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_LOW_LEVEL_POLICY_H
#define SLICEBRIDGE_SLICING_LOW_LEVEL_POLICY_H

#include "slicing/set-policy.h"
#include "slicing/slice.h"
#include "slicing/ue-policy.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace slicebridge
{

/// A measurement as an input in [0, 1].
struct PolicyFeature
{
    std::size_t column{}; ///< of SliceKpmTable() or UeKpmTable()
    double scale{1.0};    ///< value that reads 1, > 0; larger ones are cut
    bool logarithmic{};   ///< log(1 + value) / log(1 + scale) instead of value / scale
};

/// A policy as the learner sent it.
struct LowLevelPolicyConfig
{
    std::vector<PolicyFeature> features;      ///< of the UE
    std::vector<PolicyFeature> sliceFeatures; ///< of its slice in its cell
    uint32_t context{};
    std::vector<uint32_t> encoder; ///< as SetPolicyShape
    std::vector<uint32_t> head;
    Activation activation{Activation::Relu};
    bool stochastic{};

    SetPolicyShape Shape() const;
};

/**
 * Where the low-level periods between two decisions of the high level are written, T of them, all
 * row-major. Row t of what has T + 1 rows is what decision t was taken on, row T the state now.
 */
struct LowLevelTrajectory
{
    std::span<float> ue;        ///< [T + 1][ue][UE KPM], over the last low-level period
    std::span<float> slice;     ///< [T + 1][cell][slice][slice KPM], likewise
    std::span<int32_t> ueCell;  ///< [T + 1][ue], -1 if none
    std::span<float> share;     ///< [T][cell][slice][3]: min PRB ratio, compute, power in force
    std::span<float> rawAction; ///< [T][ue][2]: before tanh, NaN where none was taken
};

/**
 * A SetPolicy in the DU: per cell and slice, it ranks those UEs that have data in their queues.
 * docs/protocol.md, "Low-level policy", has the formulas.
 */
class LowLevelPolicy : public UePolicy
{
  public:
    /**
     * @param weights as SetPolicy::WeightCount says
     * @param ueSlice slice id of each UE
     * @param trajectory filled if given; nothing has been decided before the first Decide()
     * @throws std::invalid_argument as SetPolicy does
     */
    LowLevelPolicy(const LowLevelPolicyConfig& config,
                   std::span<const float> weights,
                   std::size_t cells,
                   const std::vector<SliceConfig>& slices,
                   std::vector<uint32_t> ueSlice,
                   const std::optional<LowLevelTrajectory>& trajectory);

    void Look(const WindowCollector& windows, uint64_t tick) override;

    /// @throws std::domain_error if the network gives NaN
    void Decide(std::span<const SliceControl> inForce, std::span<UeControl> ues) override;

  private:
    struct Input
    {
        std::size_t column;
        double factor;
        bool logarithmic;
    };

    static std::vector<Input> Inputs(const std::vector<PolicyFeature>& features);
    static double Scale(const Input& input, float value);
    void FindGroups();
    void DecideGroup(std::size_t group, const SliceControl& inForce, std::span<UeControl> ues);
    std::span<const double> Common(std::size_t group, const SliceControl& inForce);
    void PerturbAndApply(uint32_t ue, std::span<double> raw, UeControl& control) const;
    void RecordState();
    void RecordShares(std::span<const SliceControl> inForce);

    std::vector<Input> m_features;
    std::vector<Input> m_sliceFeatures;
    bool m_stochastic;
    std::vector<uint8_t> m_sst; ///< of each slice
    std::vector<uint32_t> m_ueSlice;
    std::optional<LowLevelTrajectory> m_trajectory;
    std::size_t m_row{};  ///< of the trajectory
    std::size_t m_rows{}; ///< T
    uint64_t m_noiseKey{};
    const WindowCollector* m_windows{};
    uint64_t m_tick{};
    uint64_t m_decisions{}; ///< so far
    SetPolicy m_network;
    std::vector<std::vector<uint32_t>> m_groups; ///< [cell][slice]: UEs with data
    std::vector<double> m_own;
    std::vector<double> m_common;
    std::vector<double> m_raw;
};

} // namespace slicebridge

#endif
