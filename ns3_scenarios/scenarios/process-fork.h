// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_PROCESS_FORK_H
#define SLICEBRIDGE_SCENARIOS_PROCESS_FORK_H

#include <string>
#include <sys/types.h>

namespace slicebridge
{

/**
 * Forks this process, which must have one thread. The copy is in a session of its own, writes its
 * output to a new file, and to no file that this process has open for writing: what it still writes
 * there goes nowhere. It is not waited for; the kernel takes it away when it ends.
 * @param log of the copy
 * @return the copy's process id, 0 in the copy
 * @throws std::system_error if there can be no further process, or, in the copy, no log
 */
pid_t ForkProcess(const std::string& log);

} // namespace slicebridge

#endif
