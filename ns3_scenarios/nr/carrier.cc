// SPDX-License-Identifier: GPL-2.0-only
#include "nr/carrier.h"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <utility>

namespace slicebridge::nr
{

namespace
{

/// Channel bandwidth in MHz and its N_RB.
using BandwidthRow = std::pair<uint16_t, uint16_t>;

/// TS 38.101-1, table 5.3.2-1, 15 kHz.
constexpr std::array<BandwidthRow, 11> FR1_15_KHZ{{{3, 15},
                                                   {5, 25},
                                                   {10, 52},
                                                   {15, 79},
                                                   {20, 106},
                                                   {25, 133},
                                                   {30, 160},
                                                   {35, 188},
                                                   {40, 216},
                                                   {45, 242},
                                                   {50, 270}}};
/// 30 kHz.
constexpr std::array<BandwidthRow, 15> FR1_30_KHZ{{{5, 11},
                                                   {10, 24},
                                                   {15, 38},
                                                   {20, 51},
                                                   {25, 65},
                                                   {30, 78},
                                                   {35, 92},
                                                   {40, 106},
                                                   {45, 119},
                                                   {50, 133},
                                                   {60, 162},
                                                   {70, 189},
                                                   {80, 217},
                                                   {90, 245},
                                                   {100, 273}}};
/// 60 kHz.
constexpr std::array<BandwidthRow, 14> FR1_60_KHZ{{{10, 11},
                                                   {15, 18},
                                                   {20, 24},
                                                   {25, 31},
                                                   {30, 38},
                                                   {35, 44},
                                                   {40, 51},
                                                   {45, 58},
                                                   {50, 65},
                                                   {60, 79},
                                                   {70, 93},
                                                   {80, 107},
                                                   {90, 121},
                                                   {100, 135}}};
/// TS 38.101-2, table 5.3.2-1, 60 kHz.
constexpr std::array<BandwidthRow, 3> FR2_60_KHZ{{{50, 66}, {100, 132}, {200, 264}}};
/// 120 kHz.
constexpr std::array<BandwidthRow, 4> FR2_120_KHZ{{{50, 32}, {100, 66}, {200, 132}, {400, 264}}};

std::span<const BandwidthRow> Rows(FrequencyRange range, uint8_t numerology)
{
    if (range == FrequencyRange::Fr1)
    {
        switch (numerology)
        {
        case 0:
            return FR1_15_KHZ;
        case 1:
            return FR1_30_KHZ;
        case 2:
            return FR1_60_KHZ;
        default:
            break;
        }
    }
    else if (numerology == 2)
    {
        return FR2_60_KHZ;
    }
    else if (numerology == 3)
    {
        return FR2_120_KHZ;
    }
    throw std::invalid_argument("numerology " + std::to_string(numerology) + " is not in FR" +
                                std::to_string(static_cast<int>(range)) +
                                (range == FrequencyRange::Fr1 ? " (0, 1, 2)" : " (2, 3)"));
}

} // namespace

uint32_t TransmissionBandwidth_prb(FrequencyRange range, uint8_t numerology, uint32_t bandwidth_mhz)
{
    std::string allowed;
    for (const auto& [mhz, prbs] : Rows(range, numerology))
    {
        if (mhz == bandwidth_mhz)
        {
            return prbs;
        }
        allowed += (allowed.empty() ? "" : ", ") + std::to_string(mhz);
    }
    throw std::invalid_argument("bandwidth " + std::to_string(bandwidth_mhz) +
                                " MHz does not exist at numerology " + std::to_string(numerology) +
                                " (allowed: " + allowed + ")");
}

uint32_t RbgSize_prb(uint32_t bandwidth_prb, uint8_t configuration)
{
    struct Row
    {
        uint32_t last_prb;
        std::array<uint32_t, 2> size_prb;
    };

    static constexpr std::array<Row, 4> ROWS{
        {{36, {2, 4}}, {72, {4, 8}}, {144, {8, 16}}, {275, {16, 16}}}};
    if (configuration < 1 || configuration > 2)
    {
        throw std::invalid_argument("rbg-Size configuration must be 1 or 2");
    }
    const auto row = std::ranges::find_if(ROWS,
                                          [bandwidth_prb](const Row& candidate)
                                          { return bandwidth_prb <= candidate.last_prb; });
    if (bandwidth_prb == 0 || row == ROWS.end())
    {
        throw std::invalid_argument("a bandwidth part has 1 to 275 PRBs");
    }
    return row->size_prb.at(configuration - 1U);
}

std::vector<SlotKind> ParseSlotPattern(std::string_view pattern)
{
    std::vector<SlotKind> slots;
    for (const char letter : pattern)
    {
        switch (letter)
        {
        case 'D':
            slots.push_back(SlotKind::Downlink);
            break;
        case 'S':
            slots.push_back(SlotKind::Special);
            break;
        case 'U':
            slots.push_back(SlotKind::Uplink);
            break;
        default:
            throw std::invalid_argument("slot pattern '" + std::string(pattern) +
                                        "' has a letter other than D, S, U");
        }
    }
    if (!std::ranges::count(slots, SlotKind::Downlink))
    {
        throw std::invalid_argument("slot pattern '" + std::string(pattern) +
                                    "' has no downlink slot (D)");
    }
    return slots;
}

} // namespace slicebridge::nr
