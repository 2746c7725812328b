// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_PORTABLE_MATH_H
#define SLICEBRIDGE_SLICING_PORTABLE_MATH_H

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>

/**
 * Elementary functions of additions, multiplications and divisions alone: the same bits on every
 * machine, where the C library chooses a variant by the processor that it finds. Within 1e-13 of
 * the C library (exp and log: relative to the greater of 1 and the value).
 */
namespace slicebridge::portable
{

/// e^x; arguments are cut to [-708, 709], NaN stays NaN.
inline double Exp(double x)
{
    // Adding it rounds to an integer, which then stands in the lowest bits (|integer| < 2^51).
    constexpr double SHIFT = 0x1.8p52;
    constexpr double LN2_HIGH = 0x1.62e42fefp-1; // its product with 11-bit integers is exact
    constexpr double LN2_LOW = std::numbers::ln2 - LN2_HIGH;
    constexpr int TERMS = 13;
    x = x < -708.0 ? -708.0 : x;
    x = x > 709.0 ? 709.0 : x;
    const double shifted = x * std::numbers::log2e + SHIFT;
    const double twos = shifted - SHIFT;
    const double rest = (x - twos * LN2_HIGH) - twos * LN2_LOW; // |rest| <= ln(2) / 2
    double sum = 1.0;
    for (int n = TERMS; n > 0; --n)
    {
        sum = 1.0 + sum * rest * (1.0 / n);
    }
    return sum * std::bit_cast<double>((std::bit_cast<uint64_t>(shifted) + 1023) << 52);
}

inline double Tanh(double x)
{
    return 1.0 - 2.0 / (Exp(2.0 * x) + 1.0);
}

/// Natural logarithm of a positive normal number.
inline double Log(double x)
{
    constexpr auto SQRT_HALF = std::bit_cast<uint64_t>(std::numbers::sqrt2 / 2.0);
    constexpr int TERMS = 11;
    const auto bits = std::bit_cast<uint64_t>(x);
    const auto exponent = static_cast<int64_t>(bits - SQRT_HALF) >> 52;
    const double mantissa = std::bit_cast<double>(bits - (static_cast<uint64_t>(exponent) << 52));
    const double s = (mantissa - 1.0) / (mantissa + 1.0); // |s| <= 0.1716
    double sum = 0.0;
    for (int n = TERMS; n-- > 0;)
    {
        sum = sum * s * s + 1.0 / (2 * n + 1);
    }
    return static_cast<double>(exponent) * std::numbers::ln2 + 2.0 * s * sum;
}

/// Sine and cosine of 2 pi `turns`, for |turns| < 2^20.
inline std::pair<double, double> SinCosOfTurns(double turns)
{
    constexpr double SHIFT = 0x1.8p52;
    constexpr int TERMS = 8;
    const double shifted = turns * 4.0 + SHIFT;
    const auto quadrant = std::bit_cast<uint64_t>(shifted) & 3;
    const double angle = (turns * 4.0 - (shifted - SHIFT)) * (std::numbers::pi / 2.0);
    double sine = 1.0;
    double cosine = 1.0;
    for (int n = TERMS; n > 0; --n)
    {
        sine = 1.0 - sine * angle * angle * (1.0 / (2 * n * (2 * n + 1)));
        cosine = 1.0 - cosine * angle * angle * (1.0 / (2 * n * (2 * n - 1)));
    }
    sine *= angle;
    const std::array<double, 5> circle{sine, cosine, -sine, -cosine, sine};
    return {circle[quadrant], circle[quadrant + 1]};
}

} // namespace slicebridge::portable

#endif
