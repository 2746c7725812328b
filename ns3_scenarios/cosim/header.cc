// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/header.h"

#include <bit>
#include <cstring>

namespace slicebridge
{

static_assert(std::endian::native == std::endian::little,
              "the wire is little-endian, as is the code");

namespace
{

constexpr std::array<char, 4> MAGIC{'S', 'L', 'B', '1'};
constexpr std::size_t TYPE_AT = 4;
constexpr std::size_t FLAGS_AT = 5;
constexpr std::size_t RESERVED_AT = 6;
constexpr std::size_t EPISODE_AT = 8;
constexpr std::size_t STEP_AT = 16;
constexpr std::size_t TIME_AT = 24;

bool IsKnown(uint8_t type)
{
    return type >= static_cast<uint8_t>(MessageType::Hello) &&
           type <= static_cast<uint8_t>(MessageType::Fork);
}

} // namespace

std::array<std::byte, HEADER_BYTES> EncodeHeader(const MessageHeader& header)
{
    std::array<std::byte, HEADER_BYTES> frame{};
    std::memcpy(frame.data(), MAGIC.data(), MAGIC.size());
    frame[TYPE_AT] = static_cast<std::byte>(header.type);
    frame[FLAGS_AT] = static_cast<std::byte>(header.flags);
    std::memcpy(&frame[EPISODE_AT], &header.episode, sizeof(header.episode));
    std::memcpy(&frame[STEP_AT], &header.step, sizeof(header.step));
    std::memcpy(&frame[TIME_AT], &header.time_ns, sizeof(header.time_ns));
    return frame;
}

std::optional<MessageHeader> DecodeHeader(std::span<const std::byte> frame)
{
    if (frame.size() != HEADER_BYTES || std::memcmp(frame.data(), MAGIC.data(), MAGIC.size()) != 0)
    {
        return std::nullopt;
    }
    const auto type = static_cast<uint8_t>(frame[TYPE_AT]);
    const bool reservedIsZero =
        frame[RESERVED_AT] == std::byte{0} && frame[RESERVED_AT + 1] == std::byte{0};
    if (!IsKnown(type) || !reservedIsZero)
    {
        return std::nullopt;
    }
    MessageHeader header;
    header.type = static_cast<MessageType>(type);
    header.flags = static_cast<uint8_t>(frame[FLAGS_AT]);
    std::memcpy(&header.episode, &frame[EPISODE_AT], sizeof(header.episode));
    std::memcpy(&header.step, &frame[STEP_AT], sizeof(header.step));
    std::memcpy(&header.time_ns, &frame[TIME_AT], sizeof(header.time_ns));
    return header;
}

} // namespace slicebridge
