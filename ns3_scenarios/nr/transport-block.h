// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_TRANSPORT_BLOCK_H
#define SLICEBRIDGE_NR_TRANSPORT_BLOCK_H

#include "nr/modulation-coding.h"

#include <cstdint>

namespace slicebridge::nr
{

/// Resource elements of a PDSCH allocation that count for its transport block size.
struct PdschResources
{
    uint32_t prbs{};           ///< n_PRB
    uint32_t symbols{};        ///< N_symb^sh, 1..14
    uint32_t dmrsResPerPrb{};  ///< N_DMRS^PRB, of the CDM groups without data too
    uint32_t overheadPerPrb{}; ///< N_oh^PRB (`xOverhead`): 0, 6, 12 or 18
    uint32_t layers{1};        ///< v
};

/// N_RE of TS 38.214, 5.1.3.2: at most 156 resource elements count per PRB.
uint32_t ResourceElements(const PdschResources& resources);

/**
 * Transport block size by TS 38.214, 5.1.3.2, steps 2 to 4, in bits; 0 if there are no resource
 * elements.
 */
uint32_t TransportBlockSize_bits(const PdschResources& resources, const ModulationCoding& coding);

/// How LDPC coding cuts a transport block (TS 38.212, 5.2.2 and 7.2).
struct CodeBlocks
{
    uint8_t baseGraph;    ///< 1 or 2
    uint8_t tbCrcBits;    ///< 16 or 24
    uint32_t count;       ///< C
    uint32_t payloadBits; ///< K': bits per code block with its CRC, fillers left out
    uint32_t liftingSize; ///< Z_c
};

/**
 * @param tbs_bits transport block size A, > 0
 * @param codeRate R of the MCS, in (0, 1)
 */
CodeBlocks SegmentTransportBlock(uint32_t tbs_bits, double codeRate);

} // namespace slicebridge::nr

#endif
