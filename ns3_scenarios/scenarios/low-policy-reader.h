// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_LOW_POLICY_READER_H
#define SLICEBRIDGE_SCENARIOS_LOW_POLICY_READER_H

#include "slicing/low-level-policy.h"

#include <cstddef>
#include <nlohmann/json.hpp>

namespace slicebridge
{

/// What WELCOME says of a low-level policy (docs/protocol.md).
struct LowPolicyDescription
{
    LowLevelPolicyConfig config;
    bool record{}; ///< STATE shall carry the trajectory
};

/// Most numbers that POLICY may hold.
inline constexpr std::size_t LOW_POLICY_WEIGHT_LIMIT = std::size_t{1} << 18;

/// @throws std::invalid_argument naming the first key that is wrong
LowPolicyDescription ReadLowPolicy(const nlohmann::json& json);

} // namespace slicebridge

#endif
