// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_LINK_ERROR_H
#define SLICEBRIDGE_COSIM_LINK_ERROR_H

#include <stdexcept>
#include <string>

namespace slicebridge
{

/// The link cannot go on. `ExitCode()` is what the program shall exit with (docs/protocol.md).
class LinkError : public std::runtime_error
{
  public:
    LinkError(int exitCode, const std::string& reason)
        : std::runtime_error(reason),
          m_exitCode(exitCode)
    {
    }

    int ExitCode() const
    {
        return m_exitCode;
    }

  private:
    int m_exitCode;
};

/// A deadline passed, or the learner is gone: exit code 3.
class LearnerLost : public LinkError
{
  public:
    explicit LearnerLost(const std::string& reason)
        : LinkError(3, reason)
    {
    }
};

/// The learner refused us, or what it sent breaks the protocol: exit code 4.
class ProtocolViolation : public LinkError
{
  public:
    explicit ProtocolViolation(const std::string& reason)
        : LinkError(4, reason)
    {
    }
};

} // namespace slicebridge

#endif
