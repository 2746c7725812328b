// SPDX-License-Identifier: GPL-2.0-only
#include "nr/tdl-fading.h"

#include <algorithm>
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

constexpr uint32_t MAX_VECTORS = 72; ///< 275 PRBs in RBGs of 1 PRB, whole vectors

/// Doppler of the line-of-sight tap relative to the maximum, TR 38.901, 7.7.2.
constexpr double LOS_DOPPLER = 0.7;

Floats Load(const float* from)
{
    Floats vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

/// A constant amplitude that turns; its phase at the start is where its offset points.
std::complex<float> LineOfSight(JakesTable::Position offset, double travelled_wavelengths)
{
    const double phase =
        2.0 * std::numbers::pi * (LOS_DOPPLER * travelled_wavelengths + offset * 0x1p-32);
    return {static_cast<float>(std::cos(phase)), static_cast<float>(std::sin(phase))};
}

} // namespace

TdlFading::TdlFading(const TdlFadingConfig& config)
    : m_table(JakesTable::Get()),
      m_rbgs(config.rbgs),
      m_stride((config.rbgs + LANES - 1) / LANES * LANES + LANES)
{
    const auto taps = TdlTaps(config.model);
    double total = 0.0;
    for (const auto& tap : taps)
    {
        total += std::pow(10.0, tap.power_db / 10.0);
    }
    m_rotationReal.resize(taps.size() * m_stride);
    m_rotationImag.resize(taps.size() * m_stride);
    for (std::size_t k = 0; k < taps.size(); ++k)
    {
        const double amplitude = std::sqrt(std::pow(10.0, taps[k].power_db / 10.0) / total);
        m_amplitude.push_back(static_cast<float>(amplitude));
        m_lineOfSight.push_back(taps[k].lineOfSight);
        for (uint32_t rbg = 0; rbg < m_rbgs; ++rbg)
        {
            const double phase = -2.0 * std::numbers::pi * rbg * config.rbgBandwidth_hz *
                                 taps[k].normalisedDelay * config.delaySpread_s;
            m_rotationReal[k * m_stride + rbg] = static_cast<float>(amplitude * std::cos(phase));
            m_rotationImag[k * m_stride + rbg] = static_cast<float>(amplitude * std::sin(phase));
        }
    }
}

void TdlFading::Gains(std::span<const JakesTable::Position> offsets,
                      double travelled_wavelengths,
                      std::span<float> gains) const
{
    GainsOf(offsets, travelled_wavelengths, 0, gains.first(m_rbgs));
}

void TdlFading::GainsOf(std::span<const JakesTable::Position> offsets,
                        double travelled_wavelengths,
                        uint32_t first,
                        std::span<float> gains) const
{
    const auto vectors = static_cast<uint32_t>((gains.size() + LANES - 1) / LANES);
    const auto travelled = JakesTable::ToPosition(travelled_wavelengths);
    Floats real[MAX_VECTORS];

    Floats imag[MAX_VECTORS];
    std::fill_n(real, vectors, Floats{});
    std::fill_n(imag, vectors, Floats{});
    for (std::size_t k = 0; k < m_amplitude.size(); ++k)
    {
        const auto value = m_lineOfSight[k] ? LineOfSight(offsets[k], travelled_wavelengths)
                                            : m_table.At(offsets[k] + travelled);
        const float* rotationReal = &m_rotationReal[k * m_stride + first];
        const float* rotationImag = &m_rotationImag[k * m_stride + first];
        for (uint32_t v = 0; v < vectors; ++v)
        {
            const Floats a = Load(rotationReal + v * LANES);
            const Floats b = Load(rotationImag + v * LANES);
            real[v] += a * value.real() - b * value.imag();
            imag[v] += a * value.imag() + b * value.real();
        }
    }
    float power[MAX_VECTORS * LANES];
    for (uint32_t v = 0; v < vectors; ++v)
    {
        const Floats sum = real[v] * real[v] + imag[v] * imag[v];
        std::memcpy(power + v * LANES, &sum, sizeof sum);
    }
    std::memcpy(gains.data(), power, gains.size_bytes());
}

} // namespace slicebridge::nr
