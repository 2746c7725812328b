// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_BLOCK_ERROR_H
#define SLICEBRIDGE_NR_BLOCK_ERROR_H

#include "nr/transport-block.h"

#include <cstdint>

namespace slicebridge::nr
{

/// Mutual information that QAM symbols carry about the coded bits, with its variance (dispersion).
struct SymbolInformation
{
    double mean_bits{};      ///< per symbol, in [0, Qm]
    double variance_bits2{}; ///< per symbol
};

/**
 * Bit-interleaved coded modulation with Gray-labelled square QAM over AWGN: the sum over the bits
 * of a symbol of log2(2 P(bit | y)), its mean and variance (Caire, Taricco and Biglieri 1998; the
 * dispersion as in Martinez and Guillen i Fabregas 2011). Computed once per modulation by
 * numerical integration, then linearly interpolated in dB between -30 and 50 dB.
 *
 * @param modulationOrder 2, 4, 6 or 8
 * @param sinr_db clamped to the table
 */
SymbolInformation InformationAt(uint8_t modulationOrder, double sinr_db);

/**
 * The same for a linear SINR, without a logarithm: linear in the SINR between 16 points per octave.
 * @param modulationOrder 2, 4, 6 or 8
 * @param sinr >= 0, clamped to -30 .. 50 dB
 */
SymbolInformation InformationAtLinear(uint8_t modulationOrder, float sinr);

/**
 * What the receiver has gathered of a transport block over its HARQ transmissions. Incremental
 * redundancy adds information; a mean over PRBs of different SINR is a sum of their parts.
 */
struct GatheredInformation
{
    double mean_bits{};
    double variance_bits2{};
    double symbols{};

    void Add(const SymbolInformation& perSymbol, double symbolCount)
    {
        mean_bits += perSymbol.mean_bits * symbolCount;
        variance_bits2 += perSymbol.variance_bits2 * symbolCount;
        symbols += symbolCount;
    }
};

/**
 * Distance of a receiver from the normal approximation, in dB of SINR: 0.7 to 1.1 dB for NR LDPC
 * codes in link-level simulations (those that Sionna 1.0 ships, code blocks of 1000 and 2000 bits
 * over AWGN, MCS 3 to 28), and the rest for what such simulations leave out, above all channel
 * estimates from DM-RS.
 */
inline constexpr double RECEIVER_GAP_DB = 1.7;

/**
 * Transport block error rate by the normal approximation for finite block length (Polyanskiy,
 * Poor and Verdu 2010, eq. 223), per code block, any of which fails the transport block.
 * The receiver's gap is for the caller to take off the SINR before InformationAt().
 *
 * @return in [0, 1]
 */
double BlockErrorRate(const CodeBlocks& blocks, const GatheredInformation& gathered);

} // namespace slicebridge::nr

#endif
