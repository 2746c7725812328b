// SPDX-License-Identifier: GPL-2.0-only
//
// Block errors: information theory, published link-level figures of NR LDPC codes, HARQ's gain.
#include "nr-ran-testbed.h"
#include "nr/block-error.h"
#include "nr/link-adaptation.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace slicebridge::nr
{
namespace
{

constexpr LinkTable TABLES[] = {LinkTable::Qam64, LinkTable::Qam256, LinkTable::Qam64LowSe};

double CapacityBound_db(const ModulationCoding& coding)
{
    return 10.0 * std::log10(std::exp2(coding.SpectralEfficiency()) - 1.0);
}

/// SINR at which an error rate that falls with it reaches a value, by bisection.
double SinrWhere_db(const std::function<double(double sinr_db)>& errorRate, double value)
{
    double low_db = -25.0;
    double high_db = 45.0;
    while (high_db - low_db > 1e-3)
    {
        const double middle_db = 0.5 * (low_db + high_db);
        (errorRate(middle_db) > value ? low_db : high_db) = middle_db;
    }
    return high_db;
}

/// Error rate of a single code block of 1000 bits.
double CodeBlockErrorRate(const ModulationCoding& coding, double sinr_db)
{
    constexpr uint32_t BITS = 1000;
    const CodeBlocks block{.baseGraph = 1,
                           .tbCrcBits = 0,
                           .count = 1,
                           .payloadBits = BITS,
                           .liftingSize = 0};
    GatheredInformation gathered;
    gathered.Add(InformationAt(coding.modulationOrder, sinr_db - RECEIVER_GAP_DB),
                 BITS / coding.SpectralEfficiency());
    return BlockErrorRate(block, gathered);
}

/// QPSK is two antipodal signals: its information is that of BPSK over the real Gaussian channel.
TEST(InformationTest, KnownValues)
{
    EXPECT_NEAR(InformationAt(2, -2.82).mean_bits, 0.5981, 0.01);
    for (const uint8_t order : {2, 4, 6, 8})
    {
        double before = 0.0;
        for (double sinr_db = -20.0; sinr_db <= 40.0; sinr_db += 0.5)
        {
            const auto information = InformationAt(order, sinr_db);
            const double capacity = std::log2(1.0 + std::pow(10.0, sinr_db / 10.0));
            EXPECT_GE(information.mean_bits, before - 1e-9);
            EXPECT_LE(information.mean_bits, std::min<double>(order, capacity) + 1e-6);
            EXPECT_GE(information.variance_bits2, 0.0);
            before = information.mean_bits;
        }
        EXPECT_NEAR(InformationAt(order, 45.0).mean_bits, order, 1e-6);
    }
    // Low SINR: the dispersion of Gaussian signalling, 2 gamma / ln(2)^2 for small gamma.
    const double gamma = 0.001;
    EXPECT_NEAR(InformationAt(2, -30.0).mean_bits, gamma / std::log(2.0), 2e-5);
    EXPECT_NEAR(InformationAt(2, -30.0).variance_bits2,
                2.0 * gamma / std::pow(std::log(2.0), 2),
                4e-5);
    EXPECT_THROW(InformationAt(3, 0.0), std::invalid_argument);
}

/// What link-level simulations and another simulator's error models say of one code rate.
struct Published
{
    ModulationCoding coding;
    std::optional<double> codeBlock_db; ///< where 10 % of code blocks of 1000 bits fail
    double half_db;                     ///< where half of the blocks of 50 PRB fail
    std::optional<double> worse_db;     ///< where 10 % of the blocks of 51 PRB fail
};

/// nr-mcs-thresholds.txt, which names its sources.
std::vector<Published> ReadPublished()
{
    const auto number = [](const std::string& text)
    { return text == "-" ? std::nullopt : std::optional(std::stod(text)); };
    std::ifstream file(std::string(TEST_DATA_DIRECTORY) + "/nr-mcs-thresholds.txt");
    std::vector<Published> rows;
    for (std::string line; std::getline(file, line);)
    {
        int order = 0;
        double rate = 0.0;
        std::string tenth;
        std::string half;
        std::string worse;
        if (std::istringstream(line) >> order >> rate >> tenth >> half >> worse)
        {
            rows.push_back({{static_cast<uint8_t>(order), rate},
                            number(tenth),
                            std::stod(half),
                            number(worse)});
        }
    }
    return rows;
}

TEST(BlockErrorTest, EveryMcsIsWithinOneDecibelOfPublishedLinkLevelFigures)
{
    const auto published = ReadPublished();
    ASSERT_EQ(published.size(), 43U);
    for (const auto& row : published)
    {
        const auto& coding = row.coding;
        const std::string name =
            std::to_string(coding.modulationOrder) + " " + std::to_string(coding.rate1024);
        EXPECT_NEAR(SinrFor_db({50, 12, 0, 0, 1}, coding, 0.5), row.half_db, 1.0) << name;
        if (row.codeBlock_db)
        {
            const auto errorRate = [&](double sinr_db)
            { return CodeBlockErrorRate(coding, sinr_db); };
            EXPECT_NEAR(SinrWhere_db(errorRate, 0.1), *row.codeBlock_db, 1.0) << name;
        }
    }
}

TEST(BlockErrorTest, EveryMcsLiesBetweenCapacityAndTheWorseErrorModelOfAnotherSimulator)
{
    const auto published = ReadPublished();
    for (const auto& row : published)
    {
        for (const uint32_t prbs : {1U, 4U, 51U, 273U})
        {
            const double sinr_db = SinrFor_db({prbs, 12, 12, 0, 1}, row.coding, 0.1);
            EXPECT_GT(sinr_db, CapacityBound_db(row.coding)) << row.coding.rate1024;
        }
        if (row.worse_db)
        {
            EXPECT_LE(SinrFor_db({51, 12, 12, 0, 1}, row.coding, 0.1), *row.worse_db + 0.5)
                << int(row.coding.modulationOrder) << ' ' << row.coding.rate1024;
        }
    }
}

TEST(BlockErrorTest, ThePublishedFiguresCoverEveryMcs)
{
    const auto published = ReadPublished();
    for (const auto table : TABLES)
    {
        for (const auto& coding : McsTable(table))
        {
            EXPECT_TRUE(std::ranges::any_of(published,
                                            [&](const Published& row)
                                            {
                                                return row.coding.modulationOrder ==
                                                           coding.modulationOrder &&
                                                       row.coding.rate1024 == coding.rate1024;
                                            }))
                << int(coding.modulationOrder) << ' ' << coding.rate1024;
        }
    }
}

TEST(BlockErrorTest, ShortBlocksNeedMoreThanLongOnes)
{
    for (const uint8_t mcs : {0, 5, 12, 20, 27})
    {
        const auto& coding = McsTable(LinkTable::Qam64)[mcs];
        EXPECT_GT(SinrFor_db({2, 12, 12, 0, 1}, coding, 1e-3),
                  SinrFor_db({50, 12, 12, 0, 1}, coding, 1e-3))
            << int(mcs);
    }
}

/// Block error rate after some transmissions over all of the resources.
double After(int transmissions,
             const PdschResources& resources,
             const ModulationCoding& coding,
             double sinr_db)
{
    const auto blocks =
        SegmentTransportBlock(TransportBlockSize_bits(resources, coding), coding.CodeRate());
    GatheredInformation gathered;
    for (int i = 0; i < transmissions; ++i)
    {
        gathered.Add(InformationAt(coding.modulationOrder, sinr_db - RECEIVER_GAP_DB),
                     ResourceElements(resources));
    }
    return BlockErrorRate(blocks, gathered);
}

TEST(HarqTest, NothingReceivedIsAnError)
{
    EXPECT_EQ(BlockErrorRate(SegmentTransportBlock(1000, 0.5), GatheredInformation{}), 1.0);
}

/// Mutual information of bit-interleaved Gray-labelled QAM per symbol, by drawing symbols and
/// noise: independent of the model's integration.
double DrawnInformation_bits(unsigned order, double sinr_db)
{
    const unsigned bits = order / 2;
    const int levels = 1 << bits;
    const double distance = std::sqrt(1.5 / (levels * levels - 1));
    const double sigma = std::sqrt(0.5 * std::pow(10.0, -sinr_db / 10.0));
    std::mt19937 generator(7);
    std::normal_distribution<double> noise(0.0, sigma);
    std::uniform_int_distribution<int> symbol(0, levels - 1);
    constexpr int DRAWS = 40'000;
    double sum = 0.0;
    for (int draw = 0; draw < DRAWS; ++draw)
    {
        const int sent = symbol(generator);
        const double received = distance * (2 * sent - levels + 1) + noise(generator);
        for (unsigned bit = 0; bit < bits; ++bit)
        {
            double agreeing = 0.0;
            double all = 0.0;
            for (int level = 0; level < levels; ++level)
            {
                const double off = (received - distance * (2 * level - levels + 1)) / sigma;
                const double likelihood = std::exp(-0.5 * off * off);
                all += likelihood;
                const bool differs = (((level ^ (level >> 1)) ^ (sent ^ (sent >> 1))) >> bit) & 1;
                agreeing += differs ? 0.0 : likelihood;
            }
            sum += std::log2(2.0 * agreeing / all);
        }
    }
    return 2.0 * sum / DRAWS;
}

struct HarqCase
{
    uint8_t mcs; ///< of table 1
    int transmissions;
};

class HarqGain : public ::testing::TestWithParam<HarqCase>
{
};

INSTANTIATE_TEST_SUITE_P(RatesAndCounts,
                         HarqGain,
                         ::testing::Values(HarqCase{4, 2},
                                           HarqCase{9, 2},
                                           HarqCase{15, 2},
                                           HarqCase{15, 4},
                                           HarqCase{22, 2},
                                           HarqCase{28, 2},
                                           HarqCase{28, 3}));

/// Long blocks decode when the information of all transmissions reaches what one needed. Chase
/// combining adds SINRs instead: 10 log10 of the number of transmissions, which incremental
/// redundancy is never below, and far above at high rates.
TEST_P(HarqGain, IsThatOfAccumulatedInformation)
{
    const auto [mcs, transmissions] = GetParam();
    const auto& coding = McsTable(LinkTable::Qam64)[mcs];
    const PdschResources resources{270, 12, 12, 0, 1};
    const auto tenth_db = [&](int count)
    {
        return SinrWhere_db([&](double sinr_db)
                            { return After(count, resources, coding, sinr_db); },
                            0.1);
    };
    const double once_db = tenth_db(1);
    const double repeated_db = tenth_db(transmissions);
    const double needed_bits =
        DrawnInformation_bits(coding.modulationOrder, once_db - RECEIVER_GAP_DB);
    const auto gathered_bits = [&](double sinr_db)
    {
        return transmissions *
               DrawnInformation_bits(coding.modulationOrder, sinr_db - RECEIVER_GAP_DB);
    };
    EXPECT_LT(gathered_bits(repeated_db - 0.2), needed_bits);
    EXPECT_GT(gathered_bits(repeated_db + 0.2), needed_bits);
    const double chase_db = 10.0 * std::log10(transmissions);
    EXPECT_GE(once_db - repeated_db, chase_db - 0.1);
    if (mcs >= 15)
    {
        EXPECT_GE(once_db - repeated_db, chase_db + 1.0);
    }
}

TEST(HarqTest, ARepetitionOverFewerResourcesAddsLess)
{
    const auto& coding = McsTable(LinkTable::Qam64)[16];
    const PdschResources resources{10, 12, 12, 0, 1};
    const auto blocks =
        SegmentTransportBlock(TransportBlockSize_bits(resources, coding), coding.CodeRate());
    const auto part = InformationAt(coding.modulationOrder, 4.0);
    GatheredInformation gathered;
    gathered.Add(part, ResourceElements(resources));
    EXPECT_GT(BlockErrorRate(blocks, gathered), 0.999);
    auto whole = gathered;
    whole.Add(part, ResourceElements(resources));
    gathered.Add(part, 0.3 * ResourceElements(resources));
    EXPECT_LT(BlockErrorRate(blocks, whole), 1e-3);
    EXPECT_GT(BlockErrorRate(blocks, gathered), 0.5);
}

class HarqResidual : public ::testing::TestWithParam<uint8_t>
{
};

INSTANTIATE_TEST_SUITE_P(Transmissions, HarqResidual, ::testing::Values(1, 2, 4, 8));

/// A cell whose SINR is so low that MCS 0 needs all allowed transmissions: of n transmissions of a
/// block all fail with the error rate P(n) of what they add up to. So of N blocks with at most k
/// transmissions N (1 + P(1) + ... + P(k - 1)) are sent, and N (P(1) + ... + P(k)) of these fail.
TEST_P(HarqResidual, IsTheErrorRateOfAccumulatedInformation)
{
    const uint8_t allowed = GetParam();
    auto config = testing::ConstantSinr(0.0);
    const auto& carrier = config.carrier;
    const auto resources = ResourcesOf(carrier, carrier.bandwidth_prb, carrier.dataSymbols);
    const auto& coding = McsTable(carrier.linkTable)[0];
    const double sinr_db =
        SinrWhere_db([&](double at_db) { return After(allowed, resources, coding, at_db); }, 0.2);
    config.propagation.sinr_db = sinr_db;
    config.harq.transmissions = allowed;
    double sent = 1.0;
    double failed = 0.0;
    for (int n = 1; n <= allowed; ++n)
    {
        failed += After(n, resources, coding, sinr_db);
        sent += n < allowed ? After(n, resources, coding, sinr_db) : 0.0;
    }
    testing::Testbed bed(config);
    bed.Saturate({0}, 1);
    bed.Run(20.0);
    const auto counters = bed.Slices()[0];
    ASSERT_GT(counters.tb, 10'000U);
    EXPECT_NEAR(static_cast<double>(counters.tbError) / static_cast<double>(counters.tb),
                failed / sent,
                0.01);
}

/// An error table moves each MCS's curve to where 10 % of the blocks over the carrier fail at the
/// table's SINR, and the CQIs with them.
TEST(ErrorTableTest, IsMetByEveryMcsAndCqi)
{
    for (const auto table : TABLES)
    {
        CarrierConfig carrier;
        carrier.linkTable = table;
        const auto mcsTable = McsTable(table);
        const PdschResources resources =
            ResourcesOf(carrier, carrier.bandwidth_prb, carrier.dataSymbols);
        for (std::size_t mcs = 0; mcs < mcsTable.size(); ++mcs)
        {
            carrier.errorTable_db.push_back(CapacityBound_db(mcsTable[mcs]) + 3.0 + 0.05 * mcs);
        }
        const auto gaps_db = ReceiverGaps_db(carrier);
        const auto thresholds = SinrThresholds::OfMcs(carrier, 0.1);
        for (std::size_t mcs = 0; mcs < mcsTable.size(); ++mcs)
        {
            const double table_db = carrier.errorTable_db[mcs];
            EXPECT_NEAR(SinrFor_db(resources, mcsTable[mcs], 0.1, gaps_db[mcs]), table_db, 0.01);
        }
        const auto cqis = SinrThresholds::OfCqi(carrier);
        for (uint8_t cqi = 3; cqi <= 15; ++cqi)
        {
            const uint8_t mcs = McsOfCqi(table, cqi);
            EXPECT_NEAR(cqis.At_db(cqi - 1U), thresholds.At_db(mcs), 0.01) << int(cqi);
        }
    }
}

} // namespace
} // namespace slicebridge::nr
