// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_FUZZ_TARGETS_H
#define SLICEBRIDGE_FUZZ_TARGETS_H

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slicebridge
{

/**
 * What takes bytes from outside, as functions for a fuzzer: any input may be refused, none may
 * crash, hang or allocate much more than it declares. A property that does not hold aborts.
 */
struct FuzzTarget
{
    std::string_view name;
    void (*run)(std::span<const uint8_t> input);
    std::vector<std::string> (*seeds)(); ///< inputs that are well-formed, to begin with
};

/// header, layout, welcome, dialogue, zmtp.
const std::vector<FuzzTarget>& FuzzTargets();

/// The target of that name. @throws std::out_of_range
const FuzzTarget& FindFuzzTarget(std::string_view name);

/// Words that inputs are made of.
const std::vector<std::string>& FuzzWords();

/**
 * Most bytes that a target may hold at a time: a low-level policy of the largest size that may be
 * declared, in single and in double precision, and what the parts of the input become in memory.
 */
constexpr std::size_t FuzzMemoryLimit_bytes(std::size_t inputBytes)
{
    return (std::size_t{8} << 20) + 64 * inputBytes;
}

} // namespace slicebridge

#endif
