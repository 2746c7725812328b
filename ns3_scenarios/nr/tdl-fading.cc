// SPDX-License-Identifier: GPL-2.0-only
#include "nr/tdl-fading.h"

#include "nr/tap-sums.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

namespace slicebridge::nr
{

namespace
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

using Integers = int32_t __attribute__((vector_size(LANES * sizeof(int32_t))));
using Positions =
    JakesTable::Position __attribute__((vector_size(LANES * sizeof(JakesTable::Position))));

constexpr std::size_t MAX_TAPS = 24;
constexpr uint32_t MAX_PAIRS = 144; ///< 275 RBGs, in eights

/// Doppler of the line-of-sight tap relative to the maximum, TR 38.901, 7.7.2.
constexpr double LOS_DOPPLER = 0.7;

uint32_t RoundUp(uint32_t pairs)
{
    return (pairs + TAP_SUM_PAIRS - 1) / TAP_SUM_PAIRS * TAP_SUM_PAIRS;
}

} // namespace

TdlFading::TdlFading(const TdlFadingConfig& config)
    : m_table(JakesTable::Get()),
      m_rbgs(config.rbgs)
{
    const auto taps = TdlTaps(config.model);
    m_taps = (taps.size() + LANES - 1) / LANES * LANES;
    double total = 0.0;
    for (const auto& tap : taps)
    {
        total += std::pow(10.0, tap.power_db / 10.0);
    }
    m_coefficients.resize(RoundUp(Pairs()) * m_taps * 2);
    const double middle = m_rbgs % 2 == 0 ? 0.5 : 0.0;
    for (std::size_t k = 0; k < taps.size(); ++k)
    {
        const double amplitude = std::sqrt(std::pow(10.0, taps[k].power_db / 10.0) / total);
        if (taps[k].lineOfSight)
        {
            m_lineOfSight.push_back(k);
        }
        for (uint32_t pair = 0; pair < Pairs(); ++pair)
        {
            const double phase = 2.0 * std::numbers::pi * (pair + middle) * config.rbgBandwidth_hz *
                                 taps[k].normalisedDelay * config.delaySpread_s;
            auto* coefficient = &m_coefficients[CoefficientOf(pair, k)];
            coefficient[0] = static_cast<float>(amplitude * std::cos(phase));
            coefficient[TAP_SUM_PAIRS] = static_cast<float>(amplitude * std::sin(phase));
        }
    }
}

/// Where the cosine of a tap is; its sine lies eight further on.
std::size_t TdlFading::CoefficientOf(uint32_t pair, std::size_t tap) const
{
    const std::size_t block = pair / TAP_SUM_PAIRS * m_taps + tap;
    return block * 2 * TAP_SUM_PAIRS + pair % TAP_SUM_PAIRS;
}

void TdlFading::Gains(std::span<const JakesTable::Position> offsets,
                      double travelled_wavelengths,
                      std::span<float> gains) const
{
    GainsOf(offsets, travelled_wavelengths, 0, gains.first(m_rbgs));
}

/// Where each tap's process is now; taps that only fill up a vector have no amplitude.
void TdlFading::ReadTaps(std::span<const JakesTable::Position> offsets,
                         double travelled_wavelengths,
                         float* real,
                         float* imag) const
{
    constexpr float UNIT = 1.0F / (1U << JakesTable::FRACTION_BITS);
    const auto travelled = JakesTable::ToPosition(travelled_wavelengths);
    for (std::size_t k = 0; k < m_taps; k += LANES)
    {
        Positions position;
        std::memcpy(&position, &offsets[k], sizeof position);
        position += travelled;
        const Positions sample = position >> JakesTable::FRACTION_BITS;
        const auto part =
            __builtin_convertvector((Integers)(position & ((1U << JakesTable::FRACTION_BITS) - 1)),
                                    Floats) *
            UNIT;
        // Rows: real and imaginary part of a sample and of the next; columns after transposition.
        std::array<Floats, LANES> rows;
        for (uint32_t lane = 0; lane < LANES; ++lane)
        {
            rows[lane] = Load(m_table.Sample(sample[lane]));
        }
        Transpose(rows);
        Store(rows[0] + part * (rows[2] - rows[0]), real + k);
        Store(rows[1] + part * (rows[3] - rows[1]), imag + k);
    }
    for (const std::size_t k : m_lineOfSight)
    {
        // A constant amplitude that turns; its phase at the start is where its offset points.
        const double phase =
            2.0 * std::numbers::pi * (LOS_DOPPLER * travelled_wavelengths + offsets[k] * 0x1p-32);
        real[k] = static_cast<float>(std::cos(phase));
        imag[k] = static_cast<float>(std::sin(phase));
    }
}

void TdlFading::GainsOf(std::span<const JakesTable::Position> offsets,
                        double travelled_wavelengths,
                        uint32_t first,
                        std::span<float> gains) const
{
    float real[MAX_TAPS];
    float imag[MAX_TAPS];
    ReadTaps(offsets, travelled_wavelengths, real, imag);

    const auto last = static_cast<uint32_t>(first + gains.size() - 1);
    const uint32_t middle = m_rbgs / 2;
    const bool across = first <= middle && last >= middle;
    const uint32_t nearest = across ? 0 : std::min(PairOf(first), PairOf(last));
    const uint32_t begin = nearest / TAP_SUM_PAIRS * TAP_SUM_PAIRS;
    const uint32_t end = RoundUp(std::max(PairOf(first), PairOf(last)) + 1);
    float above[MAX_PAIRS];
    float below[MAX_PAIRS];
    static const auto addTaps = FastestTapSums();
    addTaps({real, m_taps},
            imag,
            &m_coefficients[CoefficientOf(begin, 0)],
            {above, end - begin},
            below);
    // Below the middle pairs count downwards.
    const uint32_t split = std::clamp(middle, first, last + 1);
    if (first < split)
    {
        const float* from = below + (PairOf(split - 1) - begin);
        std::reverse_copy(from, from + (split - first), gains.begin());
    }
    if (split <= last)
    {
        std::copy_n(above + (PairOf(split) - begin), last + 1 - split, &gains[split - first]);
    }
}

} // namespace slicebridge::nr
