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

    /// Taps per link: the number of offsets that a link needs.
    std::size_t TapCount() const
    {
        return m_amplitude.size();
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
    const JakesTable& m_table;
    uint32_t m_rbgs;
    uint32_t m_stride; ///< m_rbgs, rounded up so that rows of the rotation table are whole vectors
    std::vector<float> m_amplitude;     ///< [tap], squares sum to 1
    std::vector<uint8_t> m_lineOfSight; ///< [tap]
    std::vector<float> m_rotationReal;  ///< [tap][m_stride]: amplitude x exp(-j 2 pi f tau)
    std::vector<float> m_rotationImag;
};

} // namespace slicebridge::nr

#endif
