// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_TAP_SUMS_H
#define SLICEBRIDGE_NR_TAP_SUMS_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace slicebridge::nr
{

/// Explicit vectors: left to itself, the compiler keeps the loops over taps scalar.
constexpr uint32_t LANES = 4;
using Floats = float __attribute__((vector_size(LANES * sizeof(float))));

[[gnu::always_inline]] inline Floats Load(const float* from)
{
    Floats vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

[[gnu::always_inline]] inline void Store(const Floats& vector, float* to)
{
    std::memcpy(to, &vector, sizeof vector);
}

/// Four rows become four columns.
[[gnu::always_inline]] inline void Transpose(std::array<Floats, LANES>& rows)
{
    const Floats low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    const Floats low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    const Floats high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    const Floats high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

/**
 * Powers of the frequency response at pairs of RBGs that lie alike above and below the middle of
 * the band.
 * @param real, imag [taps] where each tap's process is
 * @param taps a multiple of 4
 * @param coefficients [two pairs][four taps] eight cosines, four of each pair, then eight sines
 * @param pairs number of them; room for as many more as make it a multiple of 4 is written to
 * @param above, below [pairs] written
 */
using TapSums = void (*)(const float* real,
                         const float* imag,
                         std::size_t taps,
                         const float* coefficients,
                         uint32_t pairs,
                         float* above,
                         float* below);

/// For every x86-64 processor, and for others.
void TapSumsAnywhere(const float* real,
                     const float* imag,
                     std::size_t taps,
                     const float* coefficients,
                     uint32_t pairs,
                     float* above,
                     float* below);

/// With the widest vectors that the processor has, up to AVX. The operations and their order are
/// the same and none is fused, so the bits are too.
TapSums FastestTapSums();

} // namespace slicebridge::nr

#endif
