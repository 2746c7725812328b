// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_WIRE_H
#define SLICEBRIDGE_COSIM_WIRE_H

#include "cosim/link-options.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace slicebridge
{

/// A message as its frames came.
struct WireMessage
{
    std::span<const std::byte> first; ///< empty if it is longer than a header
    std::size_t furtherFrames{0};
    std::span<const std::byte> body; ///< the last of those, empty if there is none
};

/// What became of a connection.
enum class PeerNews : uint8_t
{
    None,
    Refused, ///< the other side does not take our key, or has none where we have one
    Lost,    ///< it was there and is gone, but may come again
    Ended,   ///< it was there and is gone for good
};

/**
 * Carries messages to the learner's ROUTER socket and back. Not for use from two threads at once.
 *
 * What it finds malformed in frames it throws as ProtocolViolation, what the system refuses as
 * LinkError.
 */
class Wire
{
  public:
    Wire() = default;
    virtual ~Wire() = default;
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    /// Go on connecting for so long. @return whether messages may be sent
    virtual bool Open(std::chrono::milliseconds wait) = 0;

    /// How long to wait at a stretch; throws when it shall not be waited any more.
    using Patience = std::function<std::chrono::milliseconds()>;

    /// @return false if the learner is gone, or takes nothing
    virtual bool Send(std::span<const std::byte> header,
                      std::span<const std::byte> body,
                      const Patience& patience) = 0;

    /// A message of a header alone, if that needs no waiting.
    virtual void TrySend(std::span<const std::byte> header) = 0;

    /// Next message, valid until the next call; nothing if none comes in so long, or on a signal.
    virtual std::optional<WireMessage> Receive(std::chrono::milliseconds wait) = 0;

    /// The weightiest news since it was asked before.
    virtual PeerNews Look() = 0;
};

/**
 * Without a key, to a learner that has started this process and is watched as its parent: a
 * ZmtpWire. Else a ZmqWire, which encrypts, connects again, and answers ZeroMQ's heartbeats.
 * @throws LinkError if the endpoint is no address, or must not be used without a key
 */
std::unique_ptr<Wire> MakeWire(const LinkOptions& options);

} // namespace slicebridge

#endif
