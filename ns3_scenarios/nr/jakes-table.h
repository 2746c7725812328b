// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_JAKES_TABLE_H
#define SLICEBRIDGE_NR_JAKES_TABLE_H

#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

namespace slicebridge::nr
{

/**
 * One long, periodic realisation of a Rayleigh process with Jakes' (Clarke's) Doppler spectrum,
 * of unit mean power, in units of wavelengths travelled.
 *
 * It is a sum of sinusoids on the harmonics of its period, their powers the integral of the
 * spectrum around each, their phases random but fixed; so its time average autocorrelation is
 * J0(2 pi x) by construction. Every tap of every link reads this one table from an offset of its
 * own: random access in time, and a footprint that stays in the cache.
 */
class JakesTable
{
  public:
    static constexpr uint32_t PERIOD_WAVELENGTHS = 1024;
    static constexpr uint32_t SAMPLES_PER_WAVELENGTH = 32;
    static constexpr uint32_t SIZE = PERIOD_WAVELENGTHS * SAMPLES_PER_WAVELENGTH;

    /// The table, made when first used.
    static const JakesTable& Get();

    /**
     * Positions are fixed-point numbers that wrap with the period: 15 bits of sample, 17 of
     * fraction.
     */
    using Position = uint32_t;

    static constexpr uint32_t FRACTION_BITS = 17;

    /// @param wavelengths any finite value, >= 0
    static Position ToPosition(double wavelengths)
    {
        constexpr double SCALE =
            static_cast<double>(SAMPLES_PER_WAVELENGTH) * (1U << FRACTION_BITS);
        return static_cast<Position>(static_cast<int64_t>(wavelengths * SCALE));
    }

    /// Linear between samples.
    std::complex<float> At(Position position) const
    {
        constexpr float UNIT = 1.0F / (1U << FRACTION_BITS);
        const auto* pair = &m_samples[position >> FRACTION_BITS];
        const float part =
            static_cast<float>(static_cast<int32_t>(position & ((1U << FRACTION_BITS) - 1))) * UNIT;
        return pair[0] + part * (pair[1] - pair[0]);
    }

    /// Real and imaginary part of a sample, then of the one after it.
    const float* Sample(uint32_t index) const
    {
        return reinterpret_cast<const float*>(&m_samples[index]);
    }

  private:
    JakesTable();

    static_assert(SIZE == 1U << (32 - FRACTION_BITS));

    std::vector<std::complex<float>> m_samples; ///< SIZE + 1, the first repeated at the end
};

} // namespace slicebridge::nr

#endif
