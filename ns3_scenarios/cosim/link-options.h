// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_LINK_OPTIONS_H
#define SLICEBRIDGE_COSIM_LINK_OPTIONS_H

#include "cosim/key-file.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>

namespace slicebridge
{

/// Where the learner is and who we are.
struct LinkOptions
{
    std::string endpoint;               ///< "ipc://PATH" or "tcp://HOST:PORT"
    std::string runId;                  ///< as the learner named this run
    std::string token;                  ///< secret that proves it, 32 to 128 hexadecimal digits
    std::optional<SimulationKey> key{}; ///< encrypts; without it TCP is for loopback only
    /// End this process when that one is gone. 0: watch the connection and ZeroMQ's heartbeats.
    pid_t parent{0};
    /// Largest frame accepted; at a larger one the connection ends.
    std::size_t frameLimit_bytes{64 * 1024};
    std::chrono::milliseconds handshakeDeadline{10'000};
    std::chrono::milliseconds heartbeatPeriod{1'000};
    /// Silence after which a learner that is not watched as a process counts as gone.
    std::chrono::milliseconds learnerTimeout{10'000};
    /// Looked at ten times a second while waiting: true ends the wait. Unset: nothing ends it.
    std::function<bool()> interrupted{};
};

/**
 * Options whose token and parent come from the environment variables `SLICEBRIDGE_TOKEN` and
 * `SLICEBRIDGE_PARENT_PID`.
 * @throws std::invalid_argument if the token is missing or malformed, or the parent no number
 */
LinkOptions LinkOptionsFromEnvironment(const std::string& endpoint, const std::string& runId);

} // namespace slicebridge

#endif
