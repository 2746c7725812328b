// SPDX-License-Identifier: GPL-2.0-only
#include "fuzz/script.h"

#include <algorithm>

namespace slicebridge
{

namespace
{

constexpr uint8_t TYPE_BITS = 15;
constexpr uint8_t RAW_HEADER = 16;
constexpr uint8_t FRAME_TOO_MANY = 32;
constexpr uint8_t IN_WORDS = 64;
constexpr std::size_t WORD_BYTES = 4;
constexpr int BYTE_BITS = 8;

} // namespace

ScriptReader::ScriptReader(std::span<const uint8_t> input)
    : m_rest(input)
{
}

uint8_t ScriptReader::Byte()
{
    if (m_rest.empty())
    {
        return 0;
    }
    const auto byte = m_rest.front();
    m_rest = m_rest.subspan(1);
    return byte;
}

std::span<const std::byte> ScriptReader::Bytes(std::size_t count)
{
    const auto bytes = m_rest.first(std::min(count, m_rest.size()));
    m_rest = m_rest.subspan(bytes.size());
    return std::as_bytes(bytes);
}

std::optional<ScriptedMessage> ScriptReader::Next()
{
    if (m_rest.empty())
    {
        return std::nullopt;
    }
    ScriptedMessage message;
    const auto kind = Byte();
    if ((kind & RAW_HEADER) != 0)
    {
        const auto header = Bytes(Byte());
        message.first.assign(header.begin(), header.end());
    }
    else
    {
        const uint64_t episode = Byte();
        const uint64_t step = Byte();
        const auto type = static_cast<MessageType>(kind & TYPE_BITS);
        const auto header = EncodeHeader({type, 0, episode, step, 0});
        message.first.assign(header.begin(), header.end());
    }
    std::size_t size = Byte();
    size |= static_cast<std::size_t>(Byte()) << BYTE_BITS;
    message.body = Bytes((kind & IN_WORDS) != 0 ? size * WORD_BYTES : size);
    message.furtherFrames = (kind & FRAME_TOO_MANY) != 0 ? 2 : 1;
    return message;
}

std::string ScriptEntry(MessageType type, uint8_t episode, uint8_t step, std::string_view body)
{
    std::string entry;
    entry += static_cast<char>(type);
    entry += static_cast<char>(episode);
    entry += static_cast<char>(step);
    entry += static_cast<char>(body.size() % 256);
    entry += static_cast<char>(body.size() / 256);
    entry += body;
    return entry;
}

} // namespace slicebridge
