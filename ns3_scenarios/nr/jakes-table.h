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

    /// @param position_wavelengths any finite value, >= 0; linear between samples
    std::complex<float> At(double position_wavelengths) const
    {
        const double sample = position_wavelengths * SAMPLES_PER_WAVELENGTH;
        const auto whole = static_cast<uint64_t>(sample);
        const auto part = static_cast<float>(sample - static_cast<double>(whole));
        const auto* pair = &m_samples[whole % SIZE];
        return pair[0] + part * (pair[1] - pair[0]);
    }

  private:
    JakesTable();

    std::vector<std::complex<float>> m_samples; ///< SIZE + 1, the first repeated at the end
};

} // namespace slicebridge::nr

#endif
