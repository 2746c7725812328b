// SPDX-License-Identifier: GPL-2.0-only
#include "nr/modulation-coding.h"

#include <array>
#include <stdexcept>
#include <string>

namespace slicebridge::nr
{

namespace
{

/// TS 38.214 V17, table 5.1.3.1-1.
constexpr std::array<ModulationCoding, 29> MCS_TABLE_1{{
    {2, 120}, {2, 157}, {2, 193}, {2, 251}, {2, 308}, {2, 379}, {2, 449}, {2, 526},
    {2, 602}, {2, 679}, {4, 340}, {4, 378}, {4, 434}, {4, 490}, {4, 553}, {4, 616},
    {4, 658}, {6, 438}, {6, 466}, {6, 517}, {6, 567}, {6, 616}, {6, 666}, {6, 719},
    {6, 772}, {6, 822}, {6, 873}, {6, 910}, {6, 948},
}};

/// Table 5.1.3.1-2.
constexpr std::array<ModulationCoding, 28> MCS_TABLE_2{{
    {2, 120}, {2, 193}, {2, 308}, {2, 449}, {2, 602}, {4, 378},   {4, 434},
    {4, 490}, {4, 553}, {4, 616}, {4, 658}, {6, 466}, {6, 517},   {6, 567},
    {6, 616}, {6, 666}, {6, 719}, {6, 772}, {6, 822}, {6, 873},   {8, 682.5},
    {8, 711}, {8, 754}, {8, 797}, {8, 841}, {8, 885}, {8, 916.5}, {8, 948},
}};

/// Table 5.1.3.1-3.
constexpr std::array<ModulationCoding, 29> MCS_TABLE_3{{
    {2, 30},  {2, 40},  {2, 50},  {2, 64},  {2, 78},  {2, 99},  {2, 120}, {2, 157},
    {2, 193}, {2, 251}, {2, 308}, {2, 379}, {2, 449}, {2, 526}, {2, 602}, {4, 340},
    {4, 378}, {4, 434}, {4, 490}, {4, 553}, {4, 616}, {6, 438}, {6, 466}, {6, 517},
    {6, 567}, {6, 616}, {6, 666}, {6, 719}, {6, 772},
}};

/// Table 5.2.2.1-2.
constexpr std::array<ModulationCoding, 15> CQI_TABLE_1{{
    {2, 78},
    {2, 120},
    {2, 193},
    {2, 308},
    {2, 449},
    {2, 602},
    {4, 378},
    {4, 490},
    {4, 616},
    {6, 466},
    {6, 567},
    {6, 666},
    {6, 772},
    {6, 873},
    {6, 948},
}};

/// Table 5.2.2.1-3.
constexpr std::array<ModulationCoding, 15> CQI_TABLE_2{{
    {2, 78},
    {2, 193},
    {2, 449},
    {4, 378},
    {4, 490},
    {4, 616},
    {6, 466},
    {6, 567},
    {6, 666},
    {6, 772},
    {6, 873},
    {8, 711},
    {8, 797},
    {8, 885},
    {8, 948},
}};

/// Table 5.2.2.1-4.
constexpr std::array<ModulationCoding, 15> CQI_TABLE_3{{
    {2, 30},
    {2, 50},
    {2, 78},
    {2, 120},
    {2, 193},
    {2, 308},
    {2, 449},
    {2, 602},
    {4, 378},
    {4, 490},
    {4, 616},
    {6, 466},
    {6, 567},
    {6, 666},
    {6, 772},
}};

} // namespace

std::span<const ModulationCoding> McsTable(LinkTable table)
{
    switch (table)
    {
    case LinkTable::Qam64:
        return MCS_TABLE_1;
    case LinkTable::Qam256:
        return MCS_TABLE_2;
    case LinkTable::Qam64LowSe:
        return MCS_TABLE_3;
    }
    throw std::invalid_argument("no such MCS table");
}

std::span<const ModulationCoding> CqiTable(LinkTable table)
{
    switch (table)
    {
    case LinkTable::Qam64:
        return CQI_TABLE_1;
    case LinkTable::Qam256:
        return CQI_TABLE_2;
    case LinkTable::Qam64LowSe:
        return CQI_TABLE_3;
    }
    throw std::invalid_argument("no such CQI table");
}

uint8_t McsOfCqi(LinkTable table, uint8_t cqi)
{
    if (cqi < 1 || cqi > 15)
    {
        throw std::invalid_argument("CQI " + std::to_string(cqi) + " is not in 1..15");
    }
    const double limit = CqiTable(table)[cqi - 1].SpectralEfficiency();
    const auto mcsTable = McsTable(table);
    uint8_t best = 0;
    for (uint8_t mcs = 0; mcs < mcsTable.size(); ++mcs)
    {
        if (mcsTable[mcs].SpectralEfficiency() <= limit)
        {
            best = mcs;
        }
    }
    return best;
}

} // namespace slicebridge::nr
