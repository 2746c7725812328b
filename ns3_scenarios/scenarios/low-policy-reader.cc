// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/low-policy-reader.h"

#include "scenarios/json-reader.h"
#include "slicing/kpm-table.h"

#include <stdexcept>
#include <string>

namespace slicebridge
{

namespace
{

constexpr std::size_t FEATURE_LIMIT = 128;
constexpr std::size_t LAYER_LIMIT = 8;
constexpr auto LARGEST = static_cast<uint32_t>(LOW_POLICY_WEIGHT_LIMIT);

using ColumnOf = std::size_t (*)(std::string_view name);

std::vector<PolicyFeature> ReadFeatures(JsonReader& reader,
                                        const std::string& key,
                                        std::size_t least,
                                        ColumnOf columnOf)
{
    std::vector<PolicyFeature> features;
    for (auto& entry : reader.Objects(key, least, FEATURE_LIMIT))
    {
        PolicyFeature feature;
        const auto name = entry.String("kpm");
        feature.scale = entry.Number("scale", {.low = 0, .lowOpen = true});
        feature.logarithmic = entry.Choice<bool>("curve", {{"linear", false}, {"log", true}});
        entry.Close();
        try
        {
            feature.column = columnOf(name);
        }
        catch (const std::out_of_range& error)
        {
            entry.Refuse("kpm", error.what(), "a name of the schema");
        }
        features.push_back(feature);
    }
    return features;
}

} // namespace

LowPolicyDescription ReadLowPolicy(const nlohmann::json& json)
{
    Violations violations;
    JsonReader reader(json, "low_policy", violations);
    LowPolicyDescription policy;
    auto& config = policy.config;
    config.features = ReadFeatures(reader, "features", 1, &UeKpmColumn);
    config.sliceFeatures = ReadFeatures(reader, "slice_features", 0, &SliceKpmColumn);
    config.context = reader.Integer("context", 0, LARGEST);
    config.encoder = reader.Integers("encoder", {1, LARGEST}, 1, LAYER_LIMIT);
    config.head = reader.Integers("head", {1, LARGEST}, 1, LAYER_LIMIT);
    config.activation =
        reader.Choice<Activation>("activation",
                                  {{"tanh", Activation::Tanh}, {"relu", Activation::Relu}});
    config.stochastic = reader.Boolean("stochastic");
    policy.record = reader.Boolean("record");
    reader.Close();
    if (!violations.empty())
    {
        throw std::invalid_argument(violations.front());
    }
    const auto weights = SetPolicy::WeightCount(config.Shape());
    if (weights > LOW_POLICY_WEIGHT_LIMIT)
    {
        throw std::invalid_argument("low_policy: has " + std::to_string(weights) +
                                    " numbers (allowed: up to " +
                                    std::to_string(LOW_POLICY_WEIGHT_LIMIT) + ")");
    }
    return policy;
}

} // namespace slicebridge
