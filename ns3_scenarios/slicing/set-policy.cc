// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/set-policy.h"

#include "slicing/layer-products.h"
#include "slicing/portable-math.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace slicebridge
{

namespace
{

/// Chosen once for the processor.
void AddProducts(std::span<const double> values, const double* weights, std::span<double> sums)
{
    static const auto add = FastestLayerProducts();
    add(values, weights, sums);
}

std::size_t Numbers(uint32_t inputs, std::span<const uint32_t> layers)
{
    std::size_t count = 0;
    for (const uint32_t outputs : layers)
    {
        count += (static_cast<std::size_t>(inputs) + 1) * outputs;
        inputs = outputs;
    }
    return count;
}

uint32_t EncoderInputs(const SetPolicyShape& shape)
{
    return shape.own + shape.common + shape.context;
}

uint32_t HeadInputs(const SetPolicyShape& shape)
{
    return 3 * shape.encoder.back() + 1;
}

void Require(bool condition, const char* what)
{
    if (!condition)
    {
        throw std::invalid_argument(std::string("a low-level policy must have ") + what);
    }
}

void Check(const SetPolicyShape& shape)
{
    const auto positive = [](uint32_t outputs) { return outputs > 0; };
    Require(shape.own > 0, "inputs of UEs");
    Require(!shape.encoder.empty() && std::ranges::all_of(shape.encoder, positive),
            "an encoder with layers of at least one output");
    Require(!shape.head.empty() && std::ranges::all_of(shape.head, positive) &&
                shape.head.back() == SetPolicy::ACTIONS,
            "a head whose last layer gives 2 actions");
}

} // namespace

std::size_t SetPolicy::WeightCount(const SetPolicyShape& shape)
{
    Check(shape);
    return Numbers(EncoderInputs(shape), shape.encoder) + Numbers(HeadInputs(shape), shape.head) +
           ACTIONS + shape.context;
}

SetPolicy::SetPolicy(const SetPolicyShape& shape,
                     std::span<const float> weights,
                     std::size_t groupLimit)
    : m_activation(shape.activation),
      m_own(shape.own),
      m_common(shape.common)
{
    Require(weights.size() == WeightCount(shape), "as many weights as its layers say");
    Require(std::ranges::all_of(weights, [](float weight) { return std::isfinite(weight); }),
            "finite weights");
    uint32_t inputs = EncoderInputs(shape);
    for (const uint32_t outputs : shape.encoder)
    {
        m_encoder.push_back(ReadLayer(inputs, outputs, weights));
        inputs = outputs;
    }
    inputs = HeadInputs(shape);
    for (const uint32_t outputs : shape.head)
    {
        m_head.push_back(ReadLayer(inputs, outputs, weights));
        inputs = outputs;
    }
    for (std::size_t action = 0; action < ACTIONS; ++action)
    {
        m_deviations.push_back(portable::Exp(weights[action]));
    }
    // The context never changes, so that it is part of the bias.
    const std::vector<double> context(weights.begin() + ACTIONS, weights.end());
    auto& first = m_encoder.front();
    AddProducts(context,
                first.weights.data() + std::size_t{m_own + m_common} * first.stride,
                first.bias);

    const auto widest = [](const std::vector<Layer>& layers)
    { return std::ranges::max(layers, {}, &Layer::stride).stride; };
    m_encoderBase.resize(first.stride);
    m_headBase.resize(m_head.front().stride);
    m_hidden.resize(groupLimit * m_encoder.back().outputs);
    m_pooled.resize(2 * std::size_t{m_encoder.back().outputs} + 1);
    m_row.resize(std::max(widest(m_encoder), widest(m_head)));
    m_nextRow.resize(m_row.size());
}

/// Takes the numbers of a layer off the front of `weights`.
SetPolicy::Layer SetPolicy::ReadLayer(uint32_t inputs,
                                      uint32_t outputs,
                                      std::span<const float>& weights) const
{
    constexpr uint32_t LANES = PRODUCT_LANES;
    Layer layer{.inputs = inputs,
                .outputs = outputs,
                .stride = (outputs + LANES - 1) / LANES * LANES,
                .weights = {},
                .bias = {}};
    layer.weights.resize(std::size_t{inputs} * layer.stride);
    layer.bias.resize(layer.stride);
    for (std::size_t o = 0; o < outputs; ++o)
    {
        for (std::size_t i = 0; i < inputs; ++i)
        {
            layer.weights[i * layer.stride + o] = weights[o * inputs + i];
        }
        layer.bias[o] = weights[std::size_t{outputs} * inputs + o];
    }
    weights = weights.subspan((std::size_t{inputs} + 1) * outputs);
    return layer;
}

double SetPolicy::Deviation(std::size_t action) const
{
    return m_deviations.at(action);
}

void SetPolicy::Means(std::span<const double> own,
                      std::span<const double> common,
                      std::span<double> means)
{
    const std::size_t ues = own.size() / m_own;
    const auto& first = m_encoder.front();
    m_encoderBase = first.bias;
    AddProducts(common, first.weights.data() + std::size_t{m_own} * first.stride, m_encoderBase);
    Encode(own);
    Pool(ues);
    const auto& head = m_head.front();
    const std::size_t encoding = m_encoder.back().outputs;
    m_headBase = head.bias;
    AddProducts(m_pooled, head.weights.data() + encoding * head.stride, m_headBase);
    for (std::size_t ue = 0; ue < ues; ++ue)
    {
        std::ranges::copy(m_headBase, m_row.begin());
        AddProducts(std::span(m_hidden).subspan(ue * encoding, encoding),
                    head.weights.data(),
                    std::span(m_row).first(head.stride));
        const auto actions = Finish(m_head, 1, true);
        std::ranges::copy(actions, means.begin() + static_cast<std::ptrdiff_t>(ue * ACTIONS));
    }
}

void SetPolicy::Encode(std::span<const double> own)
{
    const auto& first = m_encoder.front();
    auto hidden = m_hidden.begin();
    for (; !own.empty(); own = own.subspan(m_own))
    {
        std::ranges::copy(m_encoderBase, m_row.begin());
        AddProducts(own.first(m_own), first.weights.data(), std::span(m_row).first(first.stride));
        hidden = std::ranges::copy(Finish(m_encoder, 1, false), hidden).out;
    }
}

/// What is left of a network once `m_row` holds the sums of layer `from` - 1.
std::span<const double> SetPolicy::Finish(const std::vector<Layer>& layers,
                                          std::size_t from,
                                          bool linear)
{
    std::size_t outputs = layers[from - 1].outputs;
    for (std::size_t index = from; index < layers.size(); ++index)
    {
        const auto& layer = layers[index];
        Activate(std::span(m_row).first(outputs));
        std::ranges::copy(layer.bias, m_nextRow.begin());
        AddProducts(std::span(m_row).first(outputs),
                    layer.weights.data(),
                    std::span(m_nextRow).first(layer.stride));
        std::swap(m_row, m_nextRow);
        outputs = layer.outputs;
    }
    const auto result = std::span(m_row).first(outputs);
    if (!linear)
    {
        Activate(result);
    }
    return result;
}

void SetPolicy::Activate(std::span<double> values) const
{
    // One loop for each: the second is done in vectors. It is written so that NaN stays NaN.
    if (m_activation == Activation::Tanh)
    {
        std::ranges::transform(values, values.begin(), portable::Tanh);
        return;
    }
    for (double& value : values)
    {
        value = value < 0.0 ? 0.0 : value;
    }
}

void SetPolicy::Pool(std::size_t ues)
{
    const std::size_t encoding = m_encoder.back().outputs;
    const auto mean = std::span(m_pooled).first(encoding);
    const auto greatest = std::span(m_pooled).subspan(encoding, encoding);
    std::ranges::copy(std::span(m_hidden).first(encoding), mean.begin());
    std::ranges::copy(mean, greatest.begin());
    for (std::size_t ue = 1; ue < ues; ++ue)
    {
        for (std::size_t i = 0; i < encoding; ++i)
        {
            const double value = m_hidden[ue * encoding + i];
            mean[i] += value;
            greatest[i] = greatest[i] < value ? value : greatest[i];
        }
    }
    for (double& sum : mean)
    {
        sum /= static_cast<double>(ues);
    }
    m_pooled.back() = portable::Log(1.0 + static_cast<double>(ues));
}

} // namespace slicebridge
