// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_LTE_READER_H
#define SLICEBRIDGE_SCENARIOS_LTE_READER_H

#include "scenarios/json-reader.h"
#include "scenarios/scenario.h"

namespace slicebridge
{

/// Reads what a scenario with `ran: lte` has of its own, and refuses what the other RAN has.
LteRadio ReadLteRadio(JsonReader& document);

} // namespace slicebridge

#endif
