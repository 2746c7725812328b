// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_FORK_SERVER_H
#define SLICEBRIDGE_SCENARIOS_FORK_SERVER_H

#include <functional>
#include <string>
#include <vector>

namespace slicebridge
{

/// The program that a forked process runs: from its command line, without name, to its exit code.
using Program = std::function<int(const std::vector<std::string>& arguments)>;

/**
 * Forks simulations for the process that started this one (docs/fork-server.md), so that loading
 * and relocating the libraries is paid once. Standard input is the socket to that process. Here
 * are no ns-3 objects, no threads and no ZeroMQ context, which a fork could not take along; each
 * simulation builds its own, as in a process that was started afresh.
 *
 * Ends when the owner closes the socket or ends itself, and takes every simulation with it.
 * @param program run in the forked processes, which end in here
 * @return the exit code of the server
 * @throws std::system_error if there is no socket, or the kernel has no process handles
 */
int ServeForks(const Program& program);

} // namespace slicebridge

#endif
