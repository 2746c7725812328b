// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_HEART_H
#define SLICEBRIDGE_COSIM_HEART_H

#include "cosim/file-descriptor.h"

#include <chrono>
#include <functional>
#include <string_view>
#include <sys/types.h>
#include <thread>

namespace slicebridge
{

/**
 * The process that started this one, by the environment variable `SLICEBRIDGE_PARENT_PID`; 0 if it
 * is not set.
 * @throws std::invalid_argument if it is no process id
 */
pid_t ParentFromEnvironment();

/// Ends the process at once, exit code 3, with a line on standard error: nobody waits for it.
[[noreturn]] void EndProcess(std::string_view reason);

/**
 * A thread that calls back once a period, and ends the whole process (exit code 3) soon after the
 * parent has: at once where the kernel has process handles (Linux 5.3), else within a period.
 *
 * The parent is watched by process, not by PR_SET_PDEATHSIG, which fires as soon as the *thread*
 * that forked ends, and learners do start simulations from worker threads.
 */
class Heart
{
  public:
    /**
     * @param period between calls
     * @param parent process to watch; 0: nobody
     * @param beat called from the heart's thread; must not throw
     */
    Heart(std::chrono::milliseconds period, pid_t parent, std::function<void()> beat);
    ~Heart();
    Heart(const Heart&) = delete;
    Heart& operator=(const Heart&) = delete;

  private:
    void Run();

    std::chrono::milliseconds m_period;
    pid_t m_parent;
    std::function<void()> m_beat;
    FileDescriptor m_parentHandle;
    FileDescriptor m_stop; ///< becomes readable when the thread shall end
    std::thread m_thread;
};

} // namespace slicebridge

#endif
