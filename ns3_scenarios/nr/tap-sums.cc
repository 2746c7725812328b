// SPDX-License-Identifier: GPL-2.0-only
#include "nr/tap-sums.h"

#include <cstring>

namespace slicebridge::nr
{

namespace
{

using Pairs = float __attribute__((vector_size(TAP_SUM_PAIRS * sizeof(float))));

/// A pair is a lane, so that nothing has to be added up across lanes.
[[gnu::always_inline]] inline void AddTaps(std::span<const float> real,
                                           const float* imag,
                                           const float* coefficients,
                                           std::span<float> above,
                                           float* below)
{
    for (std::size_t pair = 0; pair < above.size(); pair += TAP_SUM_PAIRS)
    {
        Pairs realCosine{};
        Pairs imagCosine{};
        Pairs realSine{};
        Pairs imagSine{};
        for (std::size_t k = 0; k < real.size(); ++k)
        {
            Pairs cosine;
            Pairs sine;
            std::memcpy(&cosine, coefficients, sizeof cosine);
            std::memcpy(&sine, coefficients + TAP_SUM_PAIRS, sizeof sine);
            coefficients += 2 * TAP_SUM_PAIRS;
            realCosine += real[k] * cosine;
            imagCosine += imag[k] * cosine;
            realSine += real[k] * sine;
            imagSine += imag[k] * sine;
        }
        const Pairs realAbove = realCosine + imagSine;
        const Pairs imagAbove = imagCosine - realSine;
        const Pairs realBelow = realCosine - imagSine;
        const Pairs imagBelow = imagCosine + realSine;
        const Pairs powerAbove = realAbove * realAbove + imagAbove * imagAbove;
        const Pairs powerBelow = realBelow * realBelow + imagBelow * imagBelow;
        std::memcpy(&above[pair], &powerAbove, sizeof powerAbove);
        std::memcpy(below + pair, &powerBelow, sizeof powerBelow);
    }
}

#ifdef __x86_64__
[[gnu::target("avx")]] void AddTapsWithAvx(std::span<const float> real,
                                           const float* imag,
                                           const float* coefficients,
                                           std::span<float> above,
                                           float* below)
{
    AddTaps(real, imag, coefficients, above, below);
}
#endif

} // namespace

void TapSumsAnywhere(std::span<const float> real,
                     const float* imag,
                     const float* coefficients,
                     std::span<float> above,
                     float* below)
{
    AddTaps(real, imag, coefficients, above, below);
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
