// SPDX-License-Identifier: GPL-2.0-only
//
// In place of ns3gym-controller.cc where the program is built without Protocol Buffers.
#include "scenarios/ns3gym-controller.h"

#include <stdexcept>

namespace slicebridge
{

RemoteAgent MakeNs3GymAgent(const std::string& endpoint,
                            const NetworkDescription& network,
                            std::function<bool()> interrupted)
{
    throw std::invalid_argument("--agent: is '" + endpoint +
                                "', and this program was built without the ns3-gym dialect "
                                "(build it with -DSLICEBRIDGE_NS3GYM=ON)");
}

} // namespace slicebridge
