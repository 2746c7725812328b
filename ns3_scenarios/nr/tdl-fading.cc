// SPDX-License-Identifier: GPL-2.0-only
#include "nr/tdl-fading.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

namespace slicebridge::nr
{

namespace
{

/// Explicit vectors: left to itself, the compiler keeps these loops scalar.
constexpr uint32_t LANES = 4;
using Floats = float __attribute__((vector_size(LANES * sizeof(float))));
using Integers = int32_t __attribute__((vector_size(LANES * sizeof(int32_t))));
using Positions =
    JakesTable::Position __attribute__((vector_size(LANES * sizeof(JakesTable::Position))));

constexpr std::size_t MAX_TAPS = 24;
constexpr uint32_t MAX_PAIRS = 138; ///< 275 RBGs

/// Doppler of the line-of-sight tap relative to the maximum, TR 38.901, 7.7.2.
constexpr double LOS_DOPPLER = 0.7;

Floats Load(const float* from)
{
    Floats vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

void Store(const Floats& vector, float* to)
{
    std::memcpy(to, &vector, sizeof vector);
}

/// Four rows become four columns.
void Transpose(std::array<Floats, LANES>& rows)
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

/// What the taps add up to for one pair of RBGs, lane by lane.
struct PairSums
{
    Floats realCosine{};
    Floats imagCosine{};
    Floats realSine{};
    Floats imagSine{};

    void Add(Floats real, Floats imag, const float* cosines, const float* sines)
    {
        const Floats cosine = Load(cosines);
        const Floats sine = Load(sines);
        realCosine += real * cosine;
        imagCosine += imag * cosine;
        realSine += real * sine;
        imagSine += imag * sine;
    }
};

/// Powers of four pairs of RBGs above and below the middle.
void Powers(const std::array<PairSums, LANES>& pairs, float* above, float* below)
{
    const auto sum = [&pairs](Floats PairSums::* part)
    {
        std::array<Floats, LANES> rows{pairs[0].*part,
                                       pairs[1].*part,
                                       pairs[2].*part,
                                       pairs[3].*part};
        Transpose(rows);
        return (rows[0] + rows[1]) + (rows[2] + rows[3]);
    };
    const Floats realCosine = sum(&PairSums::realCosine);
    const Floats imagCosine = sum(&PairSums::imagCosine);
    const Floats realSine = sum(&PairSums::realSine);
    const Floats imagSine = sum(&PairSums::imagSine);
    const Floats realAbove = realCosine + imagSine;
    const Floats imagAbove = imagCosine - realSine;
    const Floats realBelow = realCosine - imagSine;
    const Floats imagBelow = imagCosine + realSine;
    Store(realAbove * realAbove + imagAbove * imagAbove, above);
    Store(realBelow * realBelow + imagBelow * imagBelow, below);
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
    // Pairs are taken four at a time from any one on.
    m_cosine.resize((Pairs() + LANES - 1) * m_taps);
    m_sine.resize(m_cosine.size());
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
            m_cosine[pair * m_taps + k] = static_cast<float>(amplitude * std::cos(phase));
            m_sine[pair * m_taps + k] = static_cast<float>(amplitude * std::sin(phase));
        }
    }
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
    const uint32_t farthest = std::max(PairOf(first), PairOf(last));
    float above[MAX_PAIRS + LANES];
    float below[MAX_PAIRS + LANES];
    for (uint32_t pair = nearest; pair <= farthest; pair += LANES)
    {
        std::array<PairSums, LANES> sums;
        for (uint32_t i = 0; i < LANES; i += 2)
        {
            // Two at a time, as many as there are registers for.
            PairSums even;
            PairSums odd;
            const float* cosine = &m_cosine[(pair + i) * m_taps];
            const float* sine = &m_sine[(pair + i) * m_taps];
            for (std::size_t k = 0; k < m_taps; k += LANES)
            {
                const Floats re = Load(real + k);
                const Floats im = Load(imag + k);
                even.Add(re, im, cosine + k, sine + k);
                odd.Add(re, im, cosine + m_taps + k, sine + m_taps + k);
            }
            sums[i] = even;
            sums[i + 1] = odd;
        }
        Powers(sums, above + pair, below + pair);
    }
    for (uint32_t rbg = first; rbg <= last; ++rbg)
    {
        gains[rbg - first] = rbg < middle ? below[PairOf(rbg)] : above[PairOf(rbg)];
    }
}

} // namespace slicebridge::nr
