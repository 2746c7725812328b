// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_HEADER_H
#define SLICEBRIDGE_COSIM_HEADER_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace slicebridge
{

/// Version of docs/protocol.md that this code speaks.
inline constexpr int PROTOCOL_VERSION = 1;

/// Kinds of message (docs/protocol.md, "Messages").
enum class MessageType : uint8_t
{
    Hello = 1,
    Welcome = 2,
    Refuse = 3,
    State = 4,
    Action = 5,
    Bye = 6,
    Error = 7,
    Heartbeat = 8,
    Policy = 9,
    Slots = 10,
    Continue = 11,
    Fork = 12,
};

/// Bits of MessageHeader::flags.
enum StateFlag : uint8_t
{
    HIGH_DECISION = 1, ///< slices are decided now
    LAST = 2,          ///< the episode is over, no ACTION is expected
    SLOTS = 4,         ///< of ACTION and CONTINUE: report slots
    PAUSE_SLOT = 8,    ///< of ACTION and CONTINUE: stop after the next slot
    PAUSE_LOW = 16,    ///< of ACTION and CONTINUE: stop at the end of the low-level period
    PAUSED = 32,       ///< of SLOTS: CONTINUE is waited for
};

/// First frame of every message.
struct MessageHeader
{
    MessageType type{};
    uint8_t flags{};
    uint64_t episode{};
    uint64_t step{};
    int64_t time_ns{}; ///< simulated time since the end of warm-up

    bool operator==(const MessageHeader&) const = default;
};

inline constexpr std::size_t HEADER_BYTES = 32;

/// Wire form of a header: 32 bytes, little-endian.
std::array<std::byte, HEADER_BYTES> EncodeHeader(const MessageHeader& header);

/// Nothing unless `frame` is 32 bytes with the right magic, a known type and zero reserved bits.
std::optional<MessageHeader> DecodeHeader(std::span<const std::byte> frame);

} // namespace slicebridge

#endif
