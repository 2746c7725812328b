// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/zmtp-reader.h"

#include "cosim/link-error.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace slicebridge
{

namespace
{

constexpr std::size_t INITIAL_BYTES = 4096;
constexpr std::size_t MECHANISM_AT = 12;
constexpr std::size_t MECHANISM_BYTES = 20;
constexpr std::size_t SHORT_HEADER_BYTES = 2; ///< flags, and a size of one byte
constexpr std::size_t LONG_HEADER_BYTES = 9;  ///< flags, and a size of eight
constexpr int BYTE_BITS = 8;

constexpr unsigned MORE = 1;
constexpr unsigned LONG = 2;
constexpr unsigned COMMAND = 4;

/// Most significant byte first.
uint64_t BigEndian(std::span<const std::byte> bytes)
{
    uint64_t value = 0;
    for (const auto byte : bytes)
    {
        value = value << BYTE_BITS | std::to_integer<uint64_t>(byte);
    }
    return value;
}

} // namespace

ZmtpReader::ZmtpReader(std::size_t frameLimit_bytes)
    : m_frameLimit_bytes(frameLimit_bytes),
      m_buffer(INITIAL_BYTES)
{
}

std::span<const std::byte> ZmtpReader::Unread() const
{
    return std::span(m_buffer).subspan(m_begin, m_end - m_begin);
}

std::size_t ZmtpReader::Capacity() const
{
    return m_buffer.size();
}

std::span<std::byte> ZmtpReader::Room()
{
    if (m_begin > 0)
    {
        const auto unread = Unread();
        std::memmove(m_buffer.data(), unread.data(), unread.size());
        m_end -= m_begin;
        m_begin = 0;
    }
    if (m_needed > m_buffer.size())
    {
        m_buffer.resize(m_needed);
    }
    return std::span(m_buffer).subspan(m_end);
}

void ZmtpReader::Filled(std::size_t bytes)
{
    m_end += bytes;
}

std::optional<std::string> ZmtpReader::TakeGreeting()
{
    const auto greeting = Unread();
    if (greeting.size() < GREETING_BYTES)
    {
        return std::nullopt;
    }
    constexpr std::size_t END_OF_SIGNATURE = 9;
    constexpr std::size_t MAJOR_VERSION_AT = 10;
    if (greeting[0] != std::byte{0xFF} ||
        (greeting[END_OF_SIGNATURE] & std::byte{1}) == std::byte{0} ||
        greeting[MAJOR_VERSION_AT] < std::byte{3})
    {
        throw ProtocolViolation("the learner does not speak ZMTP 3");
    }
    const auto name = greeting.subspan(MECHANISM_AT, MECHANISM_BYTES);
    const auto end = std::find(name.begin(), name.end(), std::byte{0});
    std::string mechanism;
    std::transform(name.begin(),
                   end,
                   std::back_inserter(mechanism),
                   [](std::byte letter) { return static_cast<char>(letter); });
    m_begin += GREETING_BYTES;
    m_needed = SHORT_HEADER_BYTES;
    return mechanism;
}

std::optional<ZmtpFrame> ZmtpReader::Next()
{
    const auto unread = Unread();
    m_needed = SHORT_HEADER_BYTES;
    if (unread.size() < m_needed)
    {
        return std::nullopt;
    }
    const auto flags = std::to_integer<unsigned>(unread[0]);
    if (flags > (MORE | LONG | COMMAND) || (flags & (MORE | COMMAND)) == (MORE | COMMAND))
    {
        throw ProtocolViolation("the learner sent a malformed frame");
    }
    const auto header = (flags & LONG) != 0 ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
    m_needed = header;
    if (unread.size() < m_needed)
    {
        return std::nullopt;
    }
    const auto size = BigEndian(unread.subspan(1, header - 1));
    if (size > m_frameLimit_bytes)
    {
        throw ProtocolViolation("the learner sent a frame of " + std::to_string(size) +
                                " bytes (allowed: up to " + std::to_string(m_frameLimit_bytes) +
                                ")");
    }
    m_needed = header + size;
    if (unread.size() < m_needed)
    {
        return std::nullopt;
    }
    m_begin += m_needed;
    m_needed = SHORT_HEADER_BYTES;
    return ZmtpFrame{(flags & MORE) != 0, (flags & COMMAND) != 0, unread.subspan(header, size)};
}

} // namespace slicebridge
