// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_TAP_SUMS_H
#define SLICEBRIDGE_NR_TAP_SUMS_H

#include <cstdint>
#include <span>

namespace slicebridge::nr
{

/// As many pairs of RBGs are summed at once.
constexpr uint32_t TAP_SUM_PAIRS = 8;

/**
 * Powers of the frequency response at pairs of RBGs that lie alike above and below the middle of
 * the band.
 * @param real, imag [taps] where each tap's process is
 * @param coefficients [eight pairs][taps] eight cosines, one of each pair, then eight sines
 * @param above, below [pairs] written, a multiple of eight
 */
using TapSums = void (*)(std::span<const float> real,
                         const float* imag,
                         const float* coefficients,
                         std::span<float> above,
                         float* below);

/// For every x86-64 processor, and for others.
void TapSumsAnywhere(std::span<const float> real,
                     const float* imag,
                     const float* coefficients,
                     std::span<float> above,
                     float* below);

/// With the widest vectors that the processor has, up to AVX. The operations and their order are
/// the same and none is fused, so the bits are too.
TapSums FastestTapSums();

} // namespace slicebridge::nr

#endif
