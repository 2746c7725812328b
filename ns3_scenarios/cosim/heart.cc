// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/heart.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace slicebridge
{

namespace
{

constexpr int EXIT_LEARNER_GONE = 3;

int OpenProcess(pid_t process)
{
    return process == 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_open, process, 0U));
}

bool IsGone(pid_t process)
{
    return process != 0 && kill(process, 0) == -1 && errno == ESRCH;
}

int MakeEvent()
{
    const int descriptor = eventfd(0, EFD_CLOEXEC);
    if (descriptor == -1)
    {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    return descriptor;
}

/// Signals are for the thread that simulates.
class SignalsBlocked
{
  public:
    SignalsBlocked()
    {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &m_before);
    }

    ~SignalsBlocked()
    {
        pthread_sigmask(SIG_SETMASK, &m_before, nullptr);
    }

    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t m_before{};
};

} // namespace

/// The thread that simulates may be deep in an event, so nothing is unwound.
void EndProcess(std::string_view reason)
{
    const std::string line = "ran-slicing: " + std::string(reason) + "\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, line.data(), line.size());
    _exit(EXIT_LEARNER_GONE);
}

pid_t ParentFromEnvironment()
{
    const char* text = std::getenv("SLICEBRIDGE_PARENT_PID");
    if (text == nullptr)
    {
        return 0;
    }
    pid_t parent = 0;
    const char* end = text + std::strlen(text);
    const auto [rest, error] = std::from_chars(text, end, parent);
    if (error != std::errc{} || rest != end || parent < 1)
    {
        throw std::invalid_argument("SLICEBRIDGE_PARENT_PID must be a process id");
    }
    return parent;
}

Heart::Heart(std::chrono::milliseconds period, pid_t parent, std::function<void()> beat)
    : m_period(period),
      m_parent(parent),
      m_beat(std::move(beat)),
      m_parentHandle(OpenProcess(parent)),
      m_stop(MakeEvent())
{
    const SignalsBlocked inheritedByTheThread;
    m_thread = std::thread([this] { Run(); });
}

Heart::~Heart()
{
    eventfd_write(m_stop.Get(), 1);
    m_thread.join();
}

void Heart::Run()
{
    // poll() ignores negative descriptors: without a handle the parent is looked after by its id.
    std::array<pollfd, 2> watched{{{m_stop.Get(), POLLIN, 0}, {m_parentHandle.Get(), POLLIN, 0}}};
    while (true)
    {
        const int events = poll(watched.data(), watched.size(), static_cast<int>(m_period.count()));
        if (watched[0].revents != 0)
        {
            return;
        }
        if (watched[1].revents != 0 || (m_parentHandle.Get() == -1 && IsGone(m_parent)))
        {
            EndProcess("the process that started this one is gone");
        }
        if (events == 0)
        {
            m_beat();
        }
    }
}

} // namespace slicebridge
