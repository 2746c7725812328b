// SPDX-License-Identifier: GPL-2.0-only
#include "nr/transport-block.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace slicebridge::nr
{

namespace
{

/// TS 38.214, table 5.1.3.2-1.
constexpr std::array<uint32_t, 93> SMALL_TBS{
    24,   32,   40,   48,   56,   64,   72,   80,   88,   96,   104,  112,  120,  128,  136,  144,
    152,  160,  168,  176,  184,  192,  208,  224,  240,  256,  272,  288,  304,  320,  336,  352,
    368,  384,  408,  432,  456,  480,  504,  528,  552,  576,  608,  640,  672,  704,  736,  768,
    808,  848,  888,  928,  984,  1032, 1064, 1128, 1160, 1192, 1224, 1256, 1288, 1320, 1352, 1416,
    1480, 1544, 1608, 1672, 1736, 1800, 1864, 1928, 2024, 2088, 2152, 2216, 2280, 2408, 2472, 2536,
    2600, 2664, 2728, 2792, 2856, 2976, 3104, 3240, 3368, 3496, 3624, 3752, 3824,
};

/// TS 38.212, table 5.3.2-1: lifting sizes a * 2^j <= 384.
constexpr std::array<uint32_t, 51> LIFTING_SIZES{
    2,  3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16,  18,  20,
    22, 24,  26,  28,  30,  32,  36,  40,  44,  48,  52,  56,  60,  64,  72,  80,  88,
    96, 104, 112, 120, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384,
};

constexpr uint32_t CeilDiv(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

/// Step 3: up to 3824 bits the size comes from a table.
uint32_t SmallTbs_bits(double nInfo)
{
    const auto whole = static_cast<uint32_t>(nInfo);
    const int log2Floor = std::bit_width(std::max(whole, 1U)) - 1;
    const int n = std::max(3, log2Floor - 6);
    const uint32_t quantised = std::max(24U, (whole >> n) << n);
    return *std::lower_bound(SMALL_TBS.begin(), SMALL_TBS.end(), quantised);
}

/// Step 4: above, it is made so that all code blocks are equally long, in whole bytes.
uint32_t LargeTbs_bits(double nInfo, double codeRate)
{
    const double reduced = nInfo - 24.0;
    const int n = std::bit_width(static_cast<uint32_t>(reduced)) - 1 - 5;
    const double step = std::ldexp(1.0, n);
    // "Ties in the round function are broken towards the next largest integer."
    const double rounded = step * std::floor(reduced / step + 0.5);
    const uint32_t quantised = std::max(3840U, static_cast<uint32_t>(rounded));
    uint32_t blocks = 1;
    if (codeRate <= 0.25)
    {
        blocks = CeilDiv(quantised + 24, 3816);
    }
    else if (quantised > 8424)
    {
        blocks = CeilDiv(quantised + 24, 8424);
    }
    return 8 * blocks * CeilDiv(quantised + 24, 8 * blocks) - 24;
}

/// LDPC base graph, TS 38.212, 7.2.2.
uint8_t BaseGraph(uint32_t tbs_bits, double codeRate)
{
    const bool graph2 =
        tbs_bits <= 292 || (tbs_bits <= 3824 && codeRate <= 0.67) || codeRate <= 0.25;
    return graph2 ? 2 : 1;
}

/// K_b of TS 38.212, 5.2.2.
uint32_t SystematicColumns(uint8_t baseGraph, uint32_t blockBits)
{
    if (baseGraph == 1)
    {
        return 22;
    }
    if (blockBits > 640)
    {
        return 10;
    }
    if (blockBits > 560)
    {
        return 9;
    }
    return blockBits > 192 ? 8 : 6;
}

} // namespace

uint32_t ResourceElements(const PdschResources& resources)
{
    const uint32_t all = 12 * resources.symbols;
    const uint32_t taken = resources.dmrsResPerPrb + resources.overheadPerPrb;
    const uint32_t perPrb = all > taken ? std::min(156U, all - taken) : 0;
    return perPrb * resources.prbs;
}

uint32_t TransportBlockSize_bits(const PdschResources& resources, const ModulationCoding& coding)
{
    const uint32_t elements = ResourceElements(resources);
    if (elements == 0)
    {
        return 0;
    }
    // Exact in double: the rate is a multiple of 1/2048 and the product is far below 2^53.
    const double nInfo = elements * coding.CodeRate() * coding.modulationOrder * resources.layers;
    return nInfo <= 3824.0 ? SmallTbs_bits(nInfo) : LargeTbs_bits(nInfo, coding.CodeRate());
}

CodeBlocks SegmentTransportBlock(uint32_t tbs_bits, double codeRate)
{
    CodeBlocks blocks{};
    blocks.baseGraph = BaseGraph(tbs_bits, codeRate);
    blocks.tbCrcBits = tbs_bits > 3824 ? 24 : 16;
    const uint32_t withCrc = tbs_bits + blocks.tbCrcBits;
    const uint32_t largest = blocks.baseGraph == 1 ? 8448 : 3840;
    constexpr uint32_t BLOCK_CRC_BITS = 24;
    blocks.count = withCrc <= largest ? 1 : CeilDiv(withCrc, largest - BLOCK_CRC_BITS);
    const uint32_t total = withCrc + (blocks.count > 1 ? blocks.count * BLOCK_CRC_BITS : 0);
    blocks.payloadBits = CeilDiv(total, blocks.count);
    const uint32_t columns = SystematicColumns(blocks.baseGraph, withCrc);
    blocks.liftingSize = *std::lower_bound(LIFTING_SIZES.begin(),
                                           LIFTING_SIZES.end(),
                                           CeilDiv(blocks.payloadBits, columns));
    return blocks;
}

} // namespace slicebridge::nr
