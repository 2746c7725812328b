// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/process-fork.h"

#include "cosim/file-descriptor.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace slicebridge
{

namespace
{

constexpr mode_t LOG_MODE = 0644;

[[noreturn]] void Throw(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

void WriteOutputTo(const std::string& log)
{
    const FileDescriptor file(
        open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, LOG_MODE));
    if (file.Get() == -1 || dup2(file.Get(), STDOUT_FILENO) == -1 ||
        dup2(file.Get(), STDERR_FILENO) == -1)
    {
        Throw(log);
    }
}

bool IsFileForWriting(int descriptor)
{
    struct stat status{};
    const int flags = fcntl(descriptor, F_GETFL);
    return flags != -1 && (flags & O_ACCMODE) != O_RDONLY && fstat(descriptor, &status) == 0 &&
           S_ISREG(status.st_mode);
}

/// Positions in files are shared with the process that was forked, and so is what was buffered.
void WriteNowhereElse()
{
    std::vector<int> files;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    {
        const int descriptor = std::stoi(entry.path().filename());
        if (descriptor > STDERR_FILENO && IsFileForWriting(descriptor))
        {
            files.push_back(descriptor);
        }
    }
    const FileDescriptor nothing(open("/dev/null", O_WRONLY | O_CLOEXEC));
    for (const int descriptor : files)
    {
        if (dup2(nothing.Get(), descriptor) == -1)
        {
            Throw("/dev/null");
        }
    }
}

} // namespace

pid_t ForkProcess(const std::string& log)
{
    std::cout.flush();
    std::fflush(nullptr);
    std::signal(SIGCHLD, SIG_IGN);
    const pid_t process = fork();
    if (process == -1)
    {
        Throw("fork");
    }
    if (process == 0)
    {
        setsid();
        WriteNowhereElse();
        WriteOutputTo(log);
    }
    return process;
}

} // namespace slicebridge
