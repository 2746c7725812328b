// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_VERSIONS_H
#define SLICEBRIDGE_SCENARIOS_VERSIONS_H

#include <nlohmann/json.hpp>

namespace slicebridge
{

/// Versions of the software that this program is made of, by name.
nlohmann::json Versions();

} // namespace slicebridge

#endif
