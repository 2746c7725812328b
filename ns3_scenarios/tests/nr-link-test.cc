// SPDX-License-Identifier: GPL-2.0-only
// Known answers of the NR link: TS 38.101-1/-2, TS 38.212, TS 38.214.
#include "nr/carrier.h"
#include "nr/modulation-coding.h"
#include "nr/transport-block.h"

#include <gtest/gtest.h>
#include <map>

namespace slicebridge::nr
{
namespace
{

struct TbsCase
{
    PdschResources resources;
    LinkTable table;
    uint8_t mcs;
    uint32_t tbs_bits;
};

/// Worked in exact rational arithmetic from TS 38.214, 5.1.3.2, over all branches of it.
TEST(TransportBlockSizeTest, WorkedExamples)
{
    const TbsCase cases[] = {
        // {PRBs, symbols, DM-RS REs, overhead REs, layers}, table, MCS, bits
        {{1, 12, 12, 0, 1}, LinkTable::Qam64, 0, 24},         // N_info 30.94: table
        {{1, 2, 0, 0, 1}, LinkTable::Qam64LowSe, 0, 24},      // N_info 1.41: table
        {{1, 12, 12, 0, 1}, LinkTable::Qam64, 9, 168},        // N_info 175.05: table
        {{2, 12, 12, 0, 1}, LinkTable::Qam64, 10, 352},       // N_info 350.62: table
        {{4, 12, 12, 0, 1}, LinkTable::Qam64, 28, 2976},      // N_info 2932.88: table
        {{6, 12, 12, 0, 1}, LinkTable::Qam64, 16, 2088},      // N_info 2035.69: table
        {{3, 14, 6, 0, 1}, LinkTable::Qam64, 20, 1608},       // N_info 1554.82: table
        {{10, 14, 12, 0, 1}, LinkTable::Qam64, 17, 3968},     // N_info 4003.59: one block C=1
        {{275, 14, 0, 0, 1}, LinkTable::Qam64LowSe, 0, 2536}, // N_info 2513.67: table
        {{51, 12, 12, 0, 1}, LinkTable::Qam64, 0, 1608},      // N_info 1577.81: table
        {{106, 12, 12, 0, 1}, LinkTable::Qam64, 0, 3368},     // N_info 3279.38: table
        {{106, 12, 12, 0, 1}, LinkTable::Qam64, 2, 5256},     // N_info 5274.33: low rate C=2
        {{273, 14, 12, 0, 1}, LinkTable::Qam64, 2, 16136},    // N_info 16053.68: low rate C=5
        {{273, 14, 12, 0, 4}, LinkTable::Qam64, 0, 40016},    // N_info 39926.25: low rate C=11
        {{273, 12, 12, 0, 4}, LinkTable::Qam64, 2, 54336},    // N_info 54335.53: low rate C=15
        {{51, 12, 12, 0, 1}, LinkTable::Qam64, 28, 36896},    // N_info 37394.16: many blocks C=5
        {{51, 12, 12, 0, 1}, LinkTable::Qam64, 9, 8968},      // N_info 8927.79: many blocks C=2
        {{24, 12, 12, 0, 1}, LinkTable::Qam64, 15, 7552},     // N_info 7623.00: one block C=1
        {{25, 14, 12, 0, 1}, LinkTable::Qam64, 16, 9992},     // N_info 10024.22: many blocks C=2
        {{133, 13, 12, 0, 2}, LinkTable::Qam64, 24, 172176},  // N_info 173265.75: many blocks C=21
        {{273, 14, 12, 0, 4},
         LinkTable::Qam256,
         27,
         1277992}, // N_info 1261669.50: many blocks C=152
        {{273, 14, 12, 18, 4},
         LinkTable::Qam256,
         26,
         1081512},                                           // N_info 1079006.91: many blocks C=129
        {{100, 10, 24, 6, 2}, LinkTable::Qam256, 20, 96264}, // N_info 95976.56: many blocks C=12
        {{1, 14, 12, 0, 4}, LinkTable::Qam256, 27, 4608},    // N_info 4621.50: one block C=1
        {{38, 7, 12, 0, 1}, LinkTable::Qam256, 22, 16136},   // N_info 16116.75: many blocks C=2
        {{273, 14, 12, 0, 1}, LinkTable::Qam64LowSe, 1, 3368},  // N_info 3327.19: table
        {{162, 12, 12, 0, 1}, LinkTable::Qam64LowSe, 5, 4104},  // N_info 4134.80: low rate C=2
        {{60, 12, 36, 0, 1}, LinkTable::Qam64LowSe, 28, 29192}, // N_info 29311.88: many blocks C=4
        {{16, 14, 18, 12, 1}, LinkTable::Qam64, 13, 4224},      // N_info 4226.25: one block C=1
        {{217, 14, 6, 0, 1}, LinkTable::Qam64, 5, 25104},       // N_info 25058.41: many blocks C=3
    };
    for (const auto& c : cases)
    {
        EXPECT_EQ(TransportBlockSize_bits(c.resources, McsTable(c.table)[c.mcs]), c.tbs_bits)
            << c.resources.prbs << " PRBs, MCS " << int(c.mcs);
    }
}

/// Payloads of the QPSK reference channels of TS 38.101-1, A.3.2.2: MCS 4, 108 REs per PRB.
TEST(TransportBlockSizeTest, FixedReferenceChannels)
{
    const std::map<uint32_t, uint32_t> payload_bits{{25, 1672},
                                                    {52, 3368},
                                                    {79, 5120},
                                                    {106, 6912},
                                                    {133, 8712},
                                                    {160, 10504},
                                                    {216, 14088},
                                                    {270, 17424},
                                                    {11, 736},
                                                    {24, 1608},
                                                    {38, 2472},
                                                    {65, 4224},
                                                    {162, 10504},
                                                    {189, 12296},
                                                    {217, 14088},
                                                    {245, 15880},
                                                    {273, 17928}};
    for (const auto& [prbs, bits] : payload_bits)
    {
        const PdschResources resources{prbs, 12, 36, 0, 1};
        EXPECT_EQ(TransportBlockSize_bits(resources, McsTable(LinkTable::Qam64)[4]), bits) << prbs;
    }
}

TEST(TransportBlockSizeTest, NoElementsNoBlock)
{
    EXPECT_EQ(TransportBlockSize_bits({1, 1, 12, 0, 1}, McsTable(LinkTable::Qam64)[0]), 0U);
    EXPECT_EQ(ResourceElements({1, 14, 0, 0, 1}), 156U); // 168, of which 156 count
}

/// The size never shrinks with more PRBs, and never carries more than the code rate allows by
/// more than the quantisation step of one part in 32.
TEST(TransportBlockSizeTest, GrowsWithPrbsAndKeepsTheRate)
{
    for (const auto table : {LinkTable::Qam64, LinkTable::Qam256, LinkTable::Qam64LowSe})
    {
        for (const auto& coding : McsTable(table))
        {
            uint32_t before = 0;
            for (uint32_t prbs = 1; prbs <= 275; ++prbs)
            {
                const PdschResources resources{prbs, 13, 12, 0, 1};
                const uint32_t tbs = TransportBlockSize_bits(resources, coding);
                EXPECT_GE(tbs, before);
                before = tbs;
                const double exact = ResourceElements(resources) * coding.SpectralEfficiency();
                if (exact > 3824.0)
                {
                    EXPECT_NEAR(tbs / exact, 1.0, 0.04);
                }
            }
        }
    }
}

/// TS 38.212, 5.2.2 and 7.2: by hand.
TEST(CodeBlocksTest, Segmentation)
{
    struct Case
    {
        uint32_t tbs_bits;
        double rate;
        uint8_t graph;
        uint8_t crc;
        uint32_t count;
        uint32_t payload;
        uint32_t lifting;
    };

    const Case cases[] = {
        {24, 0.12, 2, 16, 1, 40, 7},         // 40 bits, K_b 6: Z >= 6.67
        {192, 0.5, 2, 16, 1, 208, 26},       // K_b 8
        {292, 0.9, 2, 16, 1, 308, 40},       // still graph 2; K_b 8: Z >= 38.5
        {304, 0.9, 1, 16, 1, 320, 15},       // graph 1; 320 / 22 = 14.5
        {3824, 0.5, 2, 16, 1, 3840, 384},    // the longest block of graph 2
        {3824, 0.7, 1, 16, 1, 3840, 176},    // 174.5
        {3840, 0.5, 1, 24, 1, 3864, 176},    // 175.6
        {5256, 0.19, 2, 24, 2, 2664, 288},   // (5280 + 48) / 2; 266.4
        {8424, 0.5, 1, 24, 1, 8448, 384},    // the longest block of graph 1
        {8968, 0.66, 1, 24, 2, 4520, 208},   // (8992 + 48) / 2; 205.5
        {36896, 0.926, 1, 24, 5, 7408, 352}, // (36920 + 120) / 5; 336.7
        {1277992, 0.926, 1, 24, 152, 8432, 384},
    };
    for (const auto& c : cases)
    {
        const auto blocks = SegmentTransportBlock(c.tbs_bits, c.rate);
        EXPECT_EQ(blocks.baseGraph, c.graph) << c.tbs_bits;
        EXPECT_EQ(blocks.tbCrcBits, c.crc) << c.tbs_bits;
        EXPECT_EQ(blocks.count, c.count) << c.tbs_bits;
        EXPECT_EQ(blocks.payloadBits, c.payload) << c.tbs_bits;
        EXPECT_EQ(blocks.liftingSize, c.lifting) << c.tbs_bits;
    }
}

/// "All code blocks equally long" is what the size formula is made for.
TEST(CodeBlocksTest, LargeTransportBlocksDivideEvenly)
{
    for (uint32_t prbs = 1; prbs <= 275; ++prbs)
    {
        for (const auto& coding : McsTable(LinkTable::Qam256))
        {
            const uint32_t tbs = TransportBlockSize_bits({prbs, 14, 12, 0, 4}, coding);
            const auto blocks = SegmentTransportBlock(tbs, coding.CodeRate());
            if (blocks.count > 1)
            {
                EXPECT_EQ((tbs + 24 + 24 * blocks.count) % blocks.count, 0U) << tbs;
            }
        }
    }
}

/// Spectral efficiencies as printed in TS 38.214, four decimals.
TEST(ModulationCodingTest, TablesAsPrinted)
{
    EXPECT_EQ(McsTable(LinkTable::Qam64).size(), 29U);
    EXPECT_EQ(McsTable(LinkTable::Qam256).size(), 28U);
    EXPECT_EQ(McsTable(LinkTable::Qam64LowSe).size(), 29U);
    const double cqi1[] = {0.1523,
                           0.2344,
                           0.3770,
                           0.6016,
                           0.8770,
                           1.1758,
                           1.4766,
                           1.9141,
                           2.4063,
                           2.7305,
                           3.3223,
                           3.9023,
                           4.5234,
                           5.1152,
                           5.5547};
    const double cqi2[] = {0.1523,
                           0.3770,
                           0.8770,
                           1.4766,
                           1.9141,
                           2.4063,
                           2.7305,
                           3.3223,
                           3.9023,
                           4.5234,
                           5.1152,
                           5.5547,
                           6.2266,
                           6.9141,
                           7.4063};
    const double cqi3[] = {0.0586,
                           0.0977,
                           0.1523,
                           0.2344,
                           0.3770,
                           0.6016,
                           0.8770,
                           1.1758,
                           1.4766,
                           1.9141,
                           2.4063,
                           2.7305,
                           3.3223,
                           3.9023,
                           4.5234};
    for (int i = 0; i < 15; ++i)
    {
        EXPECT_NEAR(CqiTable(LinkTable::Qam64)[i].SpectralEfficiency(), cqi1[i], 6e-5) << i;
        EXPECT_NEAR(CqiTable(LinkTable::Qam256)[i].SpectralEfficiency(), cqi2[i], 6e-5) << i;
        EXPECT_NEAR(CqiTable(LinkTable::Qam64LowSe)[i].SpectralEfficiency(), cqi3[i], 6e-5) << i;
    }
    const std::map<int, double> mcs1{{0, 0.2344},
                                     {5, 0.7402},
                                     {9, 1.3262},
                                     {10, 1.3281},
                                     {16, 2.5703},
                                     {17, 2.5664},
                                     {20, 3.3223},
                                     {28, 5.5547}};
    for (const auto& [mcs, efficiency] : mcs1)
    {
        EXPECT_NEAR(McsTable(LinkTable::Qam64)[mcs].SpectralEfficiency(), efficiency, 6e-5) << mcs;
    }
    const std::map<int, double> mcs2{{0, 0.2344},
                                     {4, 1.1758},
                                     {5, 1.4766},
                                     {10, 2.5703},
                                     {11, 2.7305},
                                     {20, 5.3320},
                                     {26, 7.1602},
                                     {27, 7.4063}};
    for (const auto& [mcs, efficiency] : mcs2)
    {
        EXPECT_NEAR(McsTable(LinkTable::Qam256)[mcs].SpectralEfficiency(), efficiency, 6e-5) << mcs;
    }
    const std::map<int, double> mcs3{{0, 0.0586},
                                     {6, 0.2344},
                                     {14, 1.1758},
                                     {15, 1.3281},
                                     {20, 2.4063},
                                     {21, 2.5664},
                                     {28, 4.5234}};
    for (const auto& [mcs, efficiency] : mcs3)
    {
        EXPECT_NEAR(McsTable(LinkTable::Qam64LowSe)[mcs].SpectralEfficiency(), efficiency, 6e-5)
            << mcs;
    }
}

TEST(ModulationCodingTest, EveryCqiOfTable1HasItsOwnMcs)
{
    const uint8_t expected[] = {0, 0, 2, 4, 6, 8, 11, 13, 15, 18, 20, 22, 24, 26, 28};
    for (uint8_t cqi = 1; cqi <= 15; ++cqi)
    {
        EXPECT_EQ(McsOfCqi(LinkTable::Qam64, cqi), expected[cqi - 1]) << int(cqi);
    }
    EXPECT_THROW(McsOfCqi(LinkTable::Qam64, 0), std::invalid_argument);
    EXPECT_THROW(McsOfCqi(LinkTable::Qam64, 16), std::invalid_argument);
}

TEST(CarrierTest, TransmissionBandwidth)
{
    EXPECT_EQ(TransmissionBandwidth_prb(FrequencyRange::Fr1, 0, 20), 106U);
    EXPECT_EQ(TransmissionBandwidth_prb(FrequencyRange::Fr1, 1, 20), 51U);
    EXPECT_EQ(TransmissionBandwidth_prb(FrequencyRange::Fr1, 1, 100), 273U);
    EXPECT_EQ(TransmissionBandwidth_prb(FrequencyRange::Fr1, 2, 40), 51U);
    EXPECT_EQ(TransmissionBandwidth_prb(FrequencyRange::Fr2, 2, 200), 264U);
    EXPECT_EQ(TransmissionBandwidth_prb(FrequencyRange::Fr2, 3, 400), 264U);
    EXPECT_THROW(TransmissionBandwidth_prb(FrequencyRange::Fr1, 0, 100), std::invalid_argument);
    EXPECT_THROW(TransmissionBandwidth_prb(FrequencyRange::Fr1, 3, 100), std::invalid_argument);
}

TEST(CarrierTest, RbgSize)
{
    EXPECT_EQ(RbgSize_prb(36, 1), 2U);
    EXPECT_EQ(RbgSize_prb(37, 1), 4U);
    EXPECT_EQ(RbgSize_prb(72, 2), 8U);
    EXPECT_EQ(RbgSize_prb(144, 2), 16U);
    EXPECT_EQ(RbgSize_prb(145, 1), 16U);
    EXPECT_THROW(RbgSize_prb(0, 1), std::invalid_argument);
    EXPECT_THROW(RbgSize_prb(276, 1), std::invalid_argument);
    EXPECT_THROW(RbgSize_prb(51, 3), std::invalid_argument);
}

TEST(CarrierTest, SlotPattern)
{
    const auto slots = ParseSlotPattern("DDDSU");
    ASSERT_EQ(slots.size(), 5U);
    EXPECT_EQ(slots[3], SlotKind::Special);
    EXPECT_EQ(slots[4], SlotKind::Uplink);
    EXPECT_THROW(ParseSlotPattern(""), std::invalid_argument);
    EXPECT_THROW(ParseSlotPattern("UUU"), std::invalid_argument);
    EXPECT_THROW(ParseSlotPattern("DDX"), std::invalid_argument);
}

} // namespace
} // namespace slicebridge::nr
