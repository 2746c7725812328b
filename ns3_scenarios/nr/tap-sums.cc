// SPDX-License-Identifier: GPL-2.0-only
#include "nr/tap-sums.h"

namespace slicebridge::nr
{

namespace
{

using Wide = float __attribute__((vector_size(2 * LANES * sizeof(float))));

/// What the taps add up to for two pairs of RBGs, lane by lane: the first in the first four.
struct PairSums
{
    Wide realCosine{};
    Wide imagCosine{};
    Wide realSine{};
    Wide imagSine{};

    /// @param coefficients of four taps, for both pairs
    [[gnu::always_inline]] void Add(const float* real, const float* imag, const float* coefficients)
    {
        const Floats re = Load(real);
        const Floats im = Load(imag);
        const Wide re2 = __builtin_shufflevector(re, re, 0, 1, 2, 3, 0, 1, 2, 3);
        const Wide im2 = __builtin_shufflevector(im, im, 0, 1, 2, 3, 0, 1, 2, 3);
        Wide cosine;
        Wide sine;
        std::memcpy(&cosine, coefficients, sizeof cosine);
        std::memcpy(&sine, coefficients + 2 * LANES, sizeof sine);
        realCosine += re2 * cosine;
        imagCosine += im2 * cosine;
        realSine += re2 * sine;
        imagSine += im2 * sine;
    }
};

/// One half of each of four pairs' sums, added up over its lanes.
[[gnu::always_inline]] inline Floats AddUp(const Wide& first, const Wide& second)
{
    std::array<Floats, LANES> rows{__builtin_shufflevector(first, first, 0, 1, 2, 3),
                                   __builtin_shufflevector(first, first, 4, 5, 6, 7),
                                   __builtin_shufflevector(second, second, 0, 1, 2, 3),
                                   __builtin_shufflevector(second, second, 4, 5, 6, 7)};
    Transpose(rows);
    return (rows[0] + rows[1]) + (rows[2] + rows[3]);
}

[[gnu::always_inline]] inline void AddTaps(const float* real,
                                           const float* imag,
                                           std::size_t taps,
                                           const float* coefficients,
                                           uint32_t pairs,
                                           float* above,
                                           float* below)
{
    for (uint32_t pair = 0; pair < pairs; pair += LANES)
    {
        std::array<PairSums, 2> sums;
        for (auto& sum : sums)
        {
            for (std::size_t k = 0; k < taps; k += LANES)
            {
                sum.Add(real + k, imag + k, coefficients);
                coefficients += 4 * LANES;
            }
        }
        const Floats realCosine = AddUp(sums[0].realCosine, sums[1].realCosine);
        const Floats imagCosine = AddUp(sums[0].imagCosine, sums[1].imagCosine);
        const Floats realSine = AddUp(sums[0].realSine, sums[1].realSine);
        const Floats imagSine = AddUp(sums[0].imagSine, sums[1].imagSine);
        const Floats realAbove = realCosine + imagSine;
        const Floats imagAbove = imagCosine - realSine;
        const Floats realBelow = realCosine - imagSine;
        const Floats imagBelow = imagCosine + realSine;
        Store(realAbove * realAbove + imagAbove * imagAbove, above + pair);
        Store(realBelow * realBelow + imagBelow * imagBelow, below + pair);
    }
}

#ifdef __x86_64__
[[gnu::target("avx")]] void AddTapsWithAvx(const float* real,
                                           const float* imag,
                                           std::size_t taps,
                                           const float* coefficients,
                                           uint32_t pairs,
                                           float* above,
                                           float* below)
{
    AddTaps(real, imag, taps, coefficients, pairs, above, below);
}
#endif

} // namespace

void TapSumsAnywhere(const float* real,
                     const float* imag,
                     std::size_t taps,
                     const float* coefficients,
                     uint32_t pairs,
                     float* above,
                     float* below)
{
    AddTaps(real, imag, taps, coefficients, pairs, above, below);
}

TapSums FastestTapSums()
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx"))
    {
        return AddTapsWithAvx;
    }
#endif
    return TapSumsAnywhere;
}

} // namespace slicebridge::nr
