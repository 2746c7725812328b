// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_MODULATION_CODING_H
#define SLICEBRIDGE_NR_MODULATION_CODING_H

#include <cstdint>
#include <span>

namespace slicebridge::nr
{

/// A row of an MCS or CQI table of 3GPP TS 38.214.
struct ModulationCoding
{
    uint8_t modulationOrder; ///< Qm: bits per symbol, 2, 4, 6 or 8
    double rate1024;         ///< target code rate x 1024

    constexpr double CodeRate() const
    {
        return rate1024 / 1024.0;
    }

    /// Information bits per resource element and layer.
    constexpr double SpectralEfficiency() const
    {
        return modulationOrder * CodeRate();
    }
};

/// Which of the table triples a UE is configured with (`mcs-Table`, `cqi-Table`).
enum class LinkTable : uint8_t
{
    Qam64 = 1,      ///< CQI table 5.2.2.1-2, MCS table 5.1.3.1-1
    Qam256 = 2,     ///< CQI table 5.2.2.1-3, MCS table 5.1.3.1-2
    Qam64LowSe = 3, ///< CQI table 5.2.2.1-4, MCS table 5.1.3.1-3
};

/// MCS indices 0.. that carry new data (the reserved ones at the end of the table left out).
std::span<const ModulationCoding> McsTable(LinkTable table);

/// CQI indices 1..15 at positions 0..14; CQI 0 means out of range.
std::span<const ModulationCoding> CqiTable(LinkTable table);

/**
 * The largest MCS whose spectral efficiency does not exceed that of a CQI, MCS 0 if none.
 * @param cqi 1..15
 */
uint8_t McsOfCqi(LinkTable table, uint8_t cqi);

} // namespace slicebridge::nr

#endif
