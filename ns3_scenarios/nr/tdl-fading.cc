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

using Integers = int32_t __attribute__((vector_size(LANES * sizeof(int32_t))));
using Positions =
    JakesTable::Position __attribute__((vector_size(LANES * sizeof(JakesTable::Position))));

constexpr std::size_t MAX_TAPS = 24;
constexpr uint32_t MAX_PAIRS = 138; ///< 275 RBGs

/// Doppler of the line-of-sight tap relative to the maximum, TR 38.901, 7.7.2.
constexpr double LOS_DOPPLER = 0.7;

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
    // Pairs are taken four at a time from any even one on.
    m_coefficients.resize((Pairs() + LANES) / 2 * m_taps * LANES);
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
            coefficient[2 * LANES] = static_cast<float>(amplitude * std::sin(phase));
        }
    }
}

/// Where the cosine of a tap is; its sine lies eight further on.
std::size_t TdlFading::CoefficientOf(uint32_t pair, std::size_t tap) const
{
    const std::size_t block = pair / 2 * (m_taps / LANES) + tap / LANES;
    return block * 4 * LANES + pair % 2 * LANES + tap % LANES;
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
    const uint32_t nearest = (across ? 0 : std::min(PairOf(first), PairOf(last))) & ~1U;
    const uint32_t farthest = std::max(PairOf(first), PairOf(last));
    float above[MAX_PAIRS + LANES];
    float below[MAX_PAIRS + LANES];
    static const auto addTaps = FastestTapSums();
    addTaps(real,
            imag,
            m_taps,
            &m_coefficients[CoefficientOf(nearest, 0)],
            farthest - nearest + 1,
            above,
            below);
    for (uint32_t rbg = first; rbg < std::min(middle, last + 1); ++rbg)
    {
        gains[rbg - first] = below[PairOf(rbg) - nearest];
    }
    for (uint32_t rbg = std::max(middle, first); rbg <= last; ++rbg)
    {
        gains[rbg - first] = above[PairOf(rbg) - nearest];
    }
}

} // namespace slicebridge::nr
