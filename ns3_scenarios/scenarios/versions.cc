// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/versions.h"

#include "cosim/header.h"

namespace slicebridge
{

nlohmann::json Versions()
{
    return {{"ns3", SLICEBRIDGE_NS3_VERSION},
            {"compiler", __VERSION__},
            {"protocol", PROTOCOL_VERSION}};
}

} // namespace slicebridge
