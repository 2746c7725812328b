// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_ZMTP_READER_H
#define SLICEBRIDGE_COSIM_ZMTP_READER_H

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace slicebridge
{

/// A frame of ZMTP 3 (RFC 23), valid until the reader's next `Room()`.
struct ZmtpFrame
{
    bool more{false};    ///< another one of the same message follows
    bool command{false}; ///< of ZeroMQ's own, not of a message
    std::span<const std::byte> body;
};

/**
 * Takes apart what a ZMTP 3 peer sends: a greeting and then frames, in whatever pieces the bytes
 * come. It holds no more than the largest frame allowed and a little.
 */
class ZmtpReader
{
  public:
    static constexpr std::size_t GREETING_BYTES = 64;

    /// @param frameLimit_bytes largest body of a frame
    explicit ZmtpReader(std::size_t frameLimit_bytes);

    /// Where further bytes go; never empty once `TakeGreeting()` and `Next()` had what they can.
    std::span<std::byte> Room();

    /// So many were put there.
    void Filled(std::size_t bytes);

    /// The mechanism that the greeting names, e.g. "NULL", once it is complete.
    /// @throws ProtocolViolation if it is none of ZMTP 3
    std::optional<std::string> TakeGreeting();

    /// Next frame, once it is complete. @throws ProtocolViolation
    std::optional<ZmtpFrame> Next();

    /// Bytes that it has room for in all.
    std::size_t Capacity() const;

  private:
    std::span<const std::byte> Unread() const;

    std::size_t m_frameLimit_bytes;
    std::vector<std::byte> m_buffer;
    std::size_t m_begin{0};
    std::size_t m_end{0};
    std::size_t m_needed{GREETING_BYTES}; ///< of unread bytes, before there is anything to take
};

} // namespace slicebridge

#endif
