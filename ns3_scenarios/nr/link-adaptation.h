// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_LINK_ADAPTATION_H
#define SLICEBRIDGE_NR_LINK_ADAPTATION_H

#include "nr/block-error.h"
#include "nr/nr-ran-config.h"
#include "nr/transport-block.h"

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge::nr
{

/**
 * SINR at which a block over all given resources reaches a block error rate.
 * @param gap_db distance of the receiver from the normal approximation
 */
double SinrFor_db(const PdschResources& resources,
                  const ModulationCoding& coding,
                  double blockErrorRate,
                  double gap_db = RECEIVER_GAP_DB);

/**
 * [mcs] distance of the receiver from the normal approximation, in dB: RECEIVER_GAP_DB, or with an
 * error table what brings the 10 % point of a block over the whole carrier to the table's SINR.
 */
std::vector<double> ReceiverGaps_db(const CarrierConfig& carrier);

/// SINR at which each entry of a table reaches a block error rate, for a block on the whole
/// bandwidth part; ascending.
class SinrThresholds
{
  public:
    /// MCS thresholds for a target.
    static SinrThresholds OfMcs(const CarrierConfig& carrier, double blockErrorTarget);

    /// CQI thresholds for the standard's target of 0.1 (TS 38.214, 5.2.2.1). With an error table a
    /// CQI has the gap of the MCS that it stands for.
    static SinrThresholds OfCqi(const CarrierConfig& carrier);

    /// How many thresholds `sinr_db` reaches: for CQI the CQI itself, for MCS one more than the
    /// MCS.
    uint8_t CountReached(double sinr_db) const
    {
        const double position = (sinr_db - LOWEST_DB) / STEP_DB;
        if (position < 0.0)
        {
            return 0;
        }
        const auto index = static_cast<std::size_t>(position);
        return m_reached[index < POINTS ? index : POINTS - 1];
    }

    /// The same for a linear SINR >= 0, without a logarithm.
    uint8_t CountReachedLinear(float sinr) const
    {
        const auto bits = std::bit_cast<uint32_t>(sinr);
        if (bits < FIRST_BITS || bits >= LAST_BITS)
        {
            return bits < FIRST_BITS ? 0 : static_cast<uint8_t>(m_least.size());
        }
        uint8_t count = m_before[(bits - FIRST_BITS) >> BIN_BITS];
        while (count < m_least.size() && sinr >= m_least[count])
        {
            ++count;
        }
        return count;
    }

    /// Threshold of entry `index`, in dB.
    double At_db(std::size_t index) const
    {
        return m_threshold_db[index];
    }

  private:
    static constexpr double LOWEST_DB = -20.0;
    static constexpr double STEP_DB = 0.05;
    static constexpr std::size_t POINTS = 1200;

    // Bins of an eighth of an octave, numbered by the first bits of a float.
    static constexpr uint32_t BIN_BITS = 20;
    static constexpr uint32_t FIRST_BITS = std::bit_cast<uint32_t>(0x1p-7F); ///< -21 dB
    static constexpr uint32_t LAST_BITS = std::bit_cast<uint32_t>(0x1p14F);  ///< 42 dB

    SinrThresholds(const CarrierConfig& carrier,
                   std::span<const ModulationCoding> table,
                   std::span<const double> gaps_db,
                   double blockErrorTarget);

    std::vector<double> m_threshold_db;
    std::array<uint8_t, POINTS> m_reached{};
    std::vector<float> m_least; ///< linear SINR from which m_reached counts each entry
    std::array<uint8_t, ((LAST_BITS - FIRST_BITS) >> BIN_BITS)> m_before{}; ///< at a bin's start
};

/// Resource elements of the whole carrier in a slot with so many data symbols.
PdschResources ResourcesOf(const CarrierConfig& carrier, uint32_t prbs, uint32_t symbols);

/// Block error rate that a slice's link adaptation aims at: 0.1, and for URLLC (SST 2) 1e-3 or
/// what its reliability leaves, whichever is less, but not below 1e-5.
double BlockErrorTarget(const SliceConfig& slice);

} // namespace slicebridge::nr

#endif
