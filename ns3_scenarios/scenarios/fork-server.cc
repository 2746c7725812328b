// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/fork-server.h"

#include "cosim/heart.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace slicebridge
{

namespace
{

using nlohmann::json;

constexpr int VERSION = 1;
constexpr int EXIT_LEARNER_GONE = 3;
constexpr std::size_t REQUEST_MAX_BYTES = 64 * 1024;
constexpr unsigned FIRST_INHERITED = 3;

using Control = std::array<char, CMSG_SPACE(sizeof(int))>;

/// What the owner asks for.
struct Request
{
    uint64_t id{};
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment; ///< variables besides the server's
    std::string directory;
};

struct Packet
{
    std::string text;
    std::unique_ptr<FileDescriptor> attached;
};

[[noreturn]] void Throw(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

/// Handle of a process, which becomes readable when it ends.
std::unique_ptr<FileDescriptor> Watch(pid_t process)
{
    const auto handle = static_cast<int>(syscall(SYS_pidfd_open, process, 0U));
    if (handle == -1)
    {
        Throw("pidfd_open");
    }
    return std::make_unique<FileDescriptor>(handle);
}

/// Next packet, or none once the owner has closed its end.
std::optional<Packet> Receive(int socket)
{
    Packet packet{std::string(REQUEST_MAX_BYTES, '\0'), nullptr};
    alignas(cmsghdr) Control control{};
    iovec part{packet.text.data(), packet.text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (size <= 0)
    {
        return std::nullopt;
    }
    packet.text.resize(static_cast<std::size_t>(size));
    if (const auto* header = CMSG_FIRSTHDR(&message);
        header != nullptr && header->cmsg_type == SCM_RIGHTS)
    {
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
        packet.attached = std::make_unique<FileDescriptor>(descriptor);
    }
    return packet;
}

/// Sends a packet, with a file descriptor unless `attached` is -1. An owner that has gone is told
/// by the next poll.
void Send(int socket, const json& content, int attached = -1)
{
    auto text = content.dump();
    alignas(cmsghdr) Control control{};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (attached != -1)
    {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        auto* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(attached));
        std::memcpy(CMSG_DATA(header), &attached, sizeof(attached));
    }
    sendmsg(socket, &message, MSG_NOSIGNAL);
}

Request ParseRequest(const std::string& text)
{
    const auto content = json::parse(text);
    return {.id = content.at("id").get<uint64_t>(),
            .arguments = content.at("arguments").get<std::vector<std::string>>(),
            .environment = content.at("environment").get<std::map<std::string, std::string>>(),
            .directory = content.at("directory").get<std::string>()};
}

/// Kernels before Linux 5.9 have no call for it.
void CloseInherited()
{
    if (close_range(FIRST_INHERITED, ~0U, 0) == 0)
    {
        return;
    }
    const auto most = static_cast<int>(sysconf(_SC_OPEN_MAX));
    for (int descriptor = FIRST_INHERITED; descriptor < most; ++descriptor)
    {
        close(descriptor);
    }
}

/// In the forked process: everything that exec would have given it.
[[noreturn]] void BecomeSimulation(const Request& request,
                                   int log,
                                   pid_t server,
                                   const Program& program)
{
    // The server has one thread, so this fires when the server ends and not before.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != server)
    {
        _exit(EXIT_LEARNER_GONE);
    }
    setsid();
    if (dup2(log, STDOUT_FILENO) == -1 || dup2(log, STDERR_FILENO) == -1)
    {
        Throw("standard output");
    }
    CloseInherited();
    if (chdir(request.directory.c_str()) != 0)
    {
        Throw(request.directory.c_str());
    }
    for (const auto& [name, value] : request.environment)
    {
        setenv(name.c_str(), value.c_str(), 1);
    }
    // Nothing of the server is unwound: its descriptors are closed already.
    std::exit(program(request.arguments));
}

class ForkServer
{
  public:
    ForkServer(int socket, pid_t owner, const Program& program)
        : m_socket(socket),
          m_owner(Watch(owner)),
          m_program(program)
    {
    }

    void Run()
    {
        Send(m_socket.Get(), {{"serve", VERSION}});
        while (Look())
        {
        }
    }

  private:
    struct Child
    {
        uint64_t id;
        pid_t pid;
        std::unique_ptr<FileDescriptor> handle;
    };

    bool Look();
    void Answer(const Packet& packet);
    Child Start(const Request& request, int log) const;
    pid_t Fork(const Request& request, int log) const;
    void Reap();

    FileDescriptor m_socket;
    std::unique_ptr<FileDescriptor> m_owner;
    const Program& m_program;
    std::vector<Child> m_children;
};

/// Waits for what happens next; false once the owner is gone.
bool ForkServer::Look()
{
    std::vector<pollfd> watched{{m_socket.Get(), POLLIN, 0}, {m_owner->Get(), POLLIN, 0}};
    for (const auto& child : m_children)
    {
        watched.push_back({child.handle->Get(), POLLIN, 0});
    }
    if (poll(watched.data(), watched.size(), -1) == -1 && errno != EINTR)
    {
        Throw("poll");
    }
    if (watched[1].revents != 0)
    {
        return false;
    }
    Reap();
    if (watched[0].revents != 0)
    {
        const auto packet = Receive(m_socket.Get());
        if (!packet)
        {
            return false;
        }
        Answer(*packet);
    }
    return true;
}

void ForkServer::Answer(const Packet& packet)
{
    json answer;
    try
    {
        const auto request = ParseRequest(packet.text);
        answer["id"] = request.id;
        m_children.push_back(Start(request, packet.attached ? packet.attached->Get() : -1));
        answer["pid"] = m_children.back().pid;
        Send(m_socket.Get(), answer, m_children.back().handle->Get());
    }
    catch (const std::exception& error)
    {
        answer["error"] = error.what();
        Send(m_socket.Get(), answer);
    }
}

ForkServer::Child ForkServer::Start(const Request& request, int log) const
{
    const auto pid = Fork(request, log);
    try
    {
        // Only this process reaps it, so the id cannot have become another process's.
        return {request.id, pid, Watch(pid)};
    }
    catch (const std::system_error&)
    {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        throw;
    }
}

pid_t ForkServer::Fork(const Request& request, int log) const
{
    const auto server = getpid();
    const auto pid = fork();
    if (pid == -1)
    {
        Throw("fork");
    }
    if (pid == 0)
    {
        try
        {
            BecomeSimulation(request, log, server, m_program);
        }
        catch (const std::exception& error)
        {
            dprintf(STDERR_FILENO, "ran-slicing: %s\n", error.what());
            _exit(EXIT_FAILURE);
        }
    }
    return pid;
}

/// Tells the owner how those simulations ended that have, by the convention of its language:
/// negative numbers are signals.
void ForkServer::Reap()
{
    std::erase_if(m_children,
                  [this](const Child& child)
                  {
                      int status = 0;
                      if (waitpid(child.pid, &status, WNOHANG) != child.pid)
                      {
                          return false;
                      }
                      const int code =
                          WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
                      Send(m_socket.Get(), {{"id", child.id}, {"code", code}});
                      return true;
                  });
}

/// Takes the socket from standard input, which simulations shall find empty.
int TakeSocket()
{
    const int socket = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_INHERITED);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (socket == -1 || nothing == -1 || dup2(nothing, STDIN_FILENO) == -1)
    {
        Throw("standard input");
    }
    close(nothing);
    return socket;
}

} // namespace

int ServeForks(const Program& program)
{
    const auto owner = ParentFromEnvironment();
    if (owner == 0)
    {
        throw std::invalid_argument("--serve needs SLICEBRIDGE_PARENT_PID");
    }
    ForkServer(TakeSocket(), owner, program).Run();
    return EXIT_SUCCESS;
}

} // namespace slicebridge
