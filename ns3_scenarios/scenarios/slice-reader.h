// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_SLICE_READER_H
#define SLICEBRIDGE_SCENARIOS_SLICE_READER_H

#include "scenarios/json-reader.h"
#include "scenarios/scenario.h"

#include <optional>
#include <string>
#include <vector>

namespace slicebridge
{

/// Reads an entry of `slices`; rules that span slices are left to the caller.
SliceScenario ReadSlice(JsonReader reader);

/// A list of [x, y, z]; nothing if it is null.
std::optional<std::vector<Position>> ReadPositions(JsonReader& reader, const std::string& key);

} // namespace slicebridge

#endif
