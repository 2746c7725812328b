// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_TDL_FADING_H
#define SLICEBRIDGE_NR_TDL_FADING_H

#include "nr/jakes-table.h"
#include "nr/tdl-profile.h"

#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge::nr
{

/// What all links of a network share.
struct TdlFadingConfig
{
    TdlModel model{TdlModel::C};
    double delaySpread_s{100e-9}; ///< RMS, desired, > 0
    double rbgBandwidth_hz{720e3};
    uint32_t rbgs{13};
};

/**
 * Small-scale fading of one antenna pair, flat within an RBG: the frequency response of a tapped
 * delay line (TR 38.901, 7.7.2, delays scaled by 7.7.3) at the centre of each RBG, its taps
 * Rayleigh with Jakes' Doppler spectrum. Any link at any time is computed from scratch, so nothing
 * is spent on links that nobody looks at.
 */
class TdlFading
{
  public:
    explicit TdlFading(const TdlFadingConfig& config);

    /// Offsets that a link needs: its taps, rounded up to whole vectors.
    std::size_t TapCount() const
    {
        return m_taps;
    }

    uint32_t RbgCount() const
    {
        return m_rbgs;
    }

    /**
     * Power gains of a link, mean 1 over time.
     *
     * @param offsets one per tap, where its process begins: uniform over all values
     * @param travelled_wavelengths distance that the link has moved, >= 0
     * @param gains [RbgCount()] written
     */
    void Gains(std::span<const JakesTable::Position> offsets,
               double travelled_wavelengths,
               std::span<float> gains) const;

    /// The same for RBGs [first, first + gains.size()) alone.
    void GainsOf(std::span<const JakesTable::Position> offsets,
                 double travelled_wavelengths,
                 uint32_t first,
                 std::span<float> gains) const;

  private:
    /// Pairs of RBGs that lie alike above and below the middle of the band; a middle one is its own
    /// partner.
    uint32_t Pairs() const
    {
        return (m_rbgs + 1) / 2;
    }

    /// Pair of an RBG, counted from the middle outwards.
    uint32_t PairOf(uint32_t rbg) const
    {
        return rbg < m_rbgs / 2 ? Pairs() - 1 - rbg : rbg - m_rbgs / 2;
    }

    std::size_t CoefficientOf(uint32_t pair, std::size_t tap) const;
    void ReadTaps(std::span<const JakesTable::Position> offsets,
                  double travelled_wavelengths,
                  float* real,
                  float* imag) const;

    const JakesTable& m_table;
    uint32_t m_rbgs;
    std::size_t m_taps;
    std::vector<std::size_t> m_lineOfSight; ///< taps that are constant

    /// [eight pairs][tap] amplitude x cos 2 pi f tau of each pair, then sines likewise, with f from
    /// the middle of the band. Of the two RBGs of a pair one has the conjugate of the other's.
    std::vector<float> m_coefficients;
};

} // namespace slicebridge::nr

#endif
