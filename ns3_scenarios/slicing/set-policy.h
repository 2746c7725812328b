// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_SET_POLICY_H
#define SLICEBRIDGE_SLICING_SET_POLICY_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge
{

/// What hidden layers apply to their sums.
enum class Activation : uint8_t
{
    Tanh,
    Relu, ///< max(0, x)
};

/// Sizes of a SetPolicy.
struct SetPolicyShape
{
    uint32_t own{};                ///< inputs that each UE has of its own, at least one
    uint32_t common{};             ///< inputs that all UEs of a group share
    uint32_t context{};            ///< inputs that never change
    std::vector<uint32_t> encoder; ///< outputs of its layers, at least one layer
    std::vector<uint32_t> head;    ///< outputs of its layers, of the last one SetPolicy::ACTIONS
    Activation activation{Activation::Relu};
};

/**
 * A permutation-equivariant network over a group of UEs (Zaheer et al., Deep Sets, 2017):
 *
 *   h_u = encoder([own_u | common | context]), pooled = [mean_v h_v | max_v h_v | log(1 + N)],
 *   means_u = head([h_u | pooled])
 *
 * Every layer of the encoder is followed by the activation, and every one of the head but the
 * last. Weights are single precision, everything else double. Same numbers, same bits: on every
 * machine, and for a UE alone as among its group's order.
 */
class SetPolicy
{
  public:
    static constexpr std::size_t ACTIONS = 2;

    /// Numbers that `weights` must hold: per layer weight [output][input], then bias [output];
    /// encoder, head, then ACTIONS log standard deviations, then the context.
    static std::size_t WeightCount(const SetPolicyShape& shape);

    /**
     * @param groupLimit most UEs in a group; nothing is allocated afterwards
     * @throws std::invalid_argument if sizes do not fit, or a weight is not finite
     */
    SetPolicy(const SetPolicyShape& shape, std::span<const float> weights, std::size_t groupLimit);

    /**
     * Means of the actions of one group, before tanh.
     * @param own [UE][own], at most groupLimit UEs, at least one
     * @param common [common]
     * @param means [UE][ACTIONS], overwritten; NaN if sums leave the range of double
     */
    void Means(std::span<const double> own,
               std::span<const double> common,
               std::span<double> means);

    /// Standard deviation of an action before tanh.
    double Deviation(std::size_t action) const;

  private:
    /// A fully connected layer, stored so that its outputs are neighbours in memory.
    struct Layer
    {
        uint32_t inputs{};
        uint32_t outputs{};
        uint32_t stride{};           ///< outputs, in whole vectors
        std::vector<double> weights; ///< [input][stride]
        std::vector<double> bias;    ///< [stride]
    };

    Layer ReadLayer(uint32_t inputs, uint32_t outputs, std::span<const float>& weights) const;
    void Encode(std::span<const double> own);
    void Pool(std::size_t ues);
    std::span<const double> Finish(const std::vector<Layer>& layers, std::size_t from, bool linear);
    void Activate(std::span<double> values) const;

    Activation m_activation;
    uint32_t m_own;
    uint32_t m_common;
    std::vector<Layer> m_encoder;
    std::vector<Layer> m_head;
    std::vector<double> m_deviations;
    // Scratch.
    std::vector<double> m_encoderBase; ///< first layer's sums of what the group shares
    std::vector<double> m_headBase;
    std::vector<double> m_hidden; ///< [UE][encoding]
    std::vector<double> m_pooled;
    std::vector<double> m_row; ///< sums of the layer at work
    std::vector<double> m_nextRow;
};

} // namespace slicebridge

#endif
