// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_CARRIER_H
#define SLICEBRIDGE_NR_CARRIER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slicebridge::nr
{

/// Frequency ranges of TS 38.104, table 5.1-1.
enum class FrequencyRange : uint8_t
{
    Fr1 = 1, ///< 410 MHz to 7.125 GHz
    Fr2 = 2, ///< 24.25 GHz to 71 GHz
};

/**
 * Transmission bandwidth N_RB: TS 38.101-1 (FR1) and TS 38.101-2 (FR2), table 5.3.2-1.
 *
 * @param numerology 0..3, subcarrier spacing 15 kHz x 2^numerology
 * @param bandwidth_mhz channel bandwidth
 * @throws std::invalid_argument naming the bandwidths that the table has for this numerology
 */
uint32_t TransmissionBandwidth_prb(FrequencyRange range,
                                   uint8_t numerology,
                                   uint32_t bandwidth_mhz);

/**
 * Nominal RBG size P, TS 38.214, table 5.1.2.2.1-1.
 *
 * @param bandwidth_prb size of the bandwidth part, 1..275
 * @param configuration `rbg-Size`: 1 or 2
 */
uint32_t RbgSize_prb(uint32_t bandwidth_prb, uint8_t configuration);

/// What a slot carries downlink.
enum class SlotKind : uint8_t
{
    Downlink,
    Special, ///< downlink, guard and uplink symbols
    Uplink,
};

/**
 * Slot pattern. FDD is the pattern "D"; TDD for example "DDDSU" (D downlink, S special, U uplink).
 *
 * @throws std::invalid_argument if `pattern` is empty, has another letter or no D
 */
std::vector<SlotKind> ParseSlotPattern(std::string_view pattern);

/// Length of a slot, 1 ms / 2^numerology.
constexpr int64_t SlotLength_ns(uint8_t numerology)
{
    return 1'000'000 >> numerology;
}

/// Bandwidth of a PRB, 12 subcarriers.
constexpr double PrbBandwidth_hz(uint8_t numerology)
{
    return 180e3 * (1U << numerology);
}

} // namespace slicebridge::nr

#endif
