// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_FUZZ_SCRIPT_H
#define SLICEBRIDGE_FUZZ_SCRIPT_H

#include "cosim/header.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slicebridge
{

/// A message of a learner, as frames.
struct ScriptedMessage
{
    std::vector<std::byte> first;
    std::size_t furtherFrames{0};
    std::span<const std::byte> body;
};

/**
 * Reads any bytes as a sequence of messages. An entry is a byte of kind (low four bits: message
 * type; 16: the header is in the bytes as it is; 32: a frame too many), then type-dependent
 * bytes: either a length and so many bytes of header, or episode and step; then the length of the
 * body, little-endian u16, in units of 1 (of 4 if 64 is set in the kind), and the body.
 */
class ScriptReader
{
  public:
    explicit ScriptReader(std::span<const uint8_t> input);

    /// Nothing at the end of the input.
    std::optional<ScriptedMessage> Next();

  private:
    uint8_t Byte();
    std::span<const std::byte> Bytes(std::size_t count);

    std::span<const uint8_t> m_rest;
};

/// The entry that is read back as this message.
std::string ScriptEntry(MessageType type, uint8_t episode, uint8_t step, std::string_view body);

} // namespace slicebridge

#endif
