// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_NS3GYM_CONTROLLER_H
#define SLICEBRIDGE_SCENARIOS_NS3GYM_CONTROLLER_H

#include "scenarios/remote-controller.h"
#include "slicing/controller.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace slicebridge
{

/// An agent outside of this program, and how it is told that the simulation fails.
struct RemoteAgent
{
    std::unique_ptr<Controller> controller;
    std::function<void(std::string_view reason)> reportFailure; ///< never throws
};

/**
 * An ns3-gym client as the agent of the high level (docs/ns3gym.md): observations as SliceView
 * fills them, actions as SharesFromScores reads them, rewards by SlaReward. Dials and introduces
 * this simulation.
 * @param interrupted looked at while waiting: true ends the wait, and the episode
 * @throws LinkError
 * @throws std::invalid_argument if the endpoint is malformed or on another machine, or the program
 *         was built without the dialect
 */
RemoteAgent MakeNs3GymAgent(const std::string& endpoint,
                            const NetworkDescription& network,
                            std::function<bool()> interrupted);

} // namespace slicebridge

#endif
