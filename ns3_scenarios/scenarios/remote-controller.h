// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_REMOTE_CONTROLLER_H
#define SLICEBRIDGE_SCENARIOS_REMOTE_CONTROLLER_H

#include "cosim/link.h"
#include "scenarios/ran-attachment.h"
#include "slicing/controller.h"
#include "slicing/epoch-loop.h"
#include "slicing/slice.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace slicebridge
{

/// What the learner is told about the network before the first step.
struct NetworkDescription
{
    std::vector<std::string> cells; ///< names, e.g. "cell0"
    std::vector<SliceConfig> slices;
    std::vector<uint32_t> ueSlice; ///< slice id of each UE, in scenario order
    EpochTiming timing;
    nlohmann::json versions; ///< of the software, e.g. {"ns3": "3.44"}
};

/// What a debugger needs of a simulation.
struct DebugAccess
{
    RanAttachment& network;
    /// Forks the process: the copy's id, 0 in the copy. Throws if that cannot be.
    std::function<pid_t(const ForkOrder&)> fork;
};

/// The schema of docs/protocol.md, as HELLO carries it.
nlohmann::json SchemaJson(const NetworkDescription& network);

/**
 * The agent behind the link: maps Observation to the tensors of STATE, and those of ACTION to
 * Control. The only place where slicing and cosim meet.
 *
 * Construct it before the EpochLoop (the handshake tells the levels), and on any failure of the
 * program call ReportFailure() before it exits, so that the learner can say why.
 */
class RemoteController : public Controller
{
  public:
    /// Dials, introduces this simulation and waits for the learner. @throws LinkError
    RemoteController(LinkOptions options, NetworkDescription network, DebugAccess debug);
    ~RemoteController() override;

    ControlLevels Levels() const override;

    /// The low-level policy that the learner sent, if it did.
    UePolicy* Delegate() override;

    /**
     * One STATE and its ACTION. With `observation.last` the episode is closed by BYE.
     * @return false if the learner ended the episode, or `LinkOptions::interrupted` did
     * @throws LinkError: main shall exit with its ExitCode()
     */
    bool Decide(const Observation& observation, Control& control) override;

    /// Sends the learner an ERROR frame with `reason`. Never throws.
    void ReportFailure(std::string_view reason) noexcept;

  private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace slicebridge

#endif
