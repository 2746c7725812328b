// SPDX-License-Identifier: GPL-2.0-only
//
// One NR cell and UE, measured from outside and compared with an independent simulator's figures.
#include "nr-ran-testbed.h"
#include "nr/link-adaptation.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <set>
#include <sstream>
#include <string>

namespace slicebridge::nr::testing
{
namespace
{

/// Small packets at a good SINR, each 10 ms, first one at 100 ms; offset from the slot in parts of
/// a millisecond by `phase(k)`.
std::vector<double> Delays_us(NrRanConfig config,
                              int packets,
                              const std::function<double(int)>& phase)
{
    Testbed bed(config);
    for (int k = 0; k < packets; ++k)
    {
        bed.SendAt(1e5 + 1e4 * k + 1e3 * phase(k), 0, 100);
    }
    bed.Run(0.2 + 0.01 * packets);
    EXPECT_EQ(bed.delivered, static_cast<uint64_t>(packets));
    return bed.delays_us;
}

struct LatencyCase
{
    uint8_t numerology;
    uint32_t bandwidth_prb;
    double least_us;   ///< of 10,000 packets sent at any time
    double mean_us;    ///< of those
    double aligned_us; ///< of packets sent on slot boundaries
};

class NrLatency : public ::testing::TestWithParam<LatencyCase>
{
};

/// 5G-LENA 4.0, latency_small_packets: 40 MHz, 30 dB, N0 + L1/L2 latency of 2 slots, 1 control and
/// 12 data symbols, 100 us of decoding. Numerologies 2 and 3 were not measured; they follow from
/// the same sum, 3 slots, 13 symbols and the decoding time.
INSTANTIATE_TEST_SUITE_P(Numerologies,
                         NrLatency,
                         ::testing::Values(LatencyCase{0, 216, 3029.03, 3526.73, 4028.56},
                                           LatencyCase{1, 106, 1564.57, 1813.40, 2064.28},
                                           LatencyCase{2, 51, 832.14, 957.14, 1082.14},
                                           LatencyCase{3, 24, 466.07, 528.57, 591.07}));

TEST_P(NrLatency, OfSmallPacketsIsThatOfAnIndependentSimulator)
{
    const auto& expected = GetParam();
    auto config = ConstantSinr(30.0);
    config.carrier.numerology = expected.numerology;
    config.carrier.bandwidth_prb = expected.bandwidth_prb;
    const auto aligned = Delays_us(config, 100, [](int) { return 0.0; });
    for (const double delay_us : aligned)
    {
        EXPECT_NEAR(delay_us, expected.aligned_us, 0.02 * expected.aligned_us);
    }
    const auto spread = Delays_us(config, 1000, [](int k) { return (k + 0.5) / 1000.0; });
    EXPECT_NEAR(*std::ranges::min_element(spread), expected.least_us, 0.02 * expected.least_us);
    const double mean_us = std::reduce(spread.begin(), spread.end()) / 1000.0;
    EXPECT_NEAR(mean_us, expected.mean_us, 0.02 * expected.mean_us);
}

/// The SINR from which a CQI is reported. Reports are for blocks over the whole band; short ones
/// need more, so that of those several in a hundred fail.
double EdgeOfCqi_db(const CarrierConfig& carrier, uint8_t cqi)
{
    return SinrThresholds::OfCqi(carrier).At_db(cqi - 1U) + 0.06;
}

TEST_P(NrLatency, HarqAddsWholeRoundTripsOfTheIndependentSimulator)
{
    const auto& expected = GetParam();
    const double slot_us = 1000.0 / (1 << expected.numerology);
    // In its runs at 14.3 dB and MCS 20 a block error adds 5.0 ms and 2.56 ms in the mean: 5 slots.
    constexpr double ROUND_TRIP_SLOTS = 5.0;
    auto config = ConstantSinr(0.0);
    config.carrier.numerology = expected.numerology;
    config.carrier.bandwidth_prb = expected.bandwidth_prb;
    config.csi.outerLoopStep_db = 0.0;
    double worst = 0.0;
    for (const uint8_t cqi : {8, 9, 10, 11})
    {
        config.propagation.sinr_db = EdgeOfCqi_db(config.carrier, cqi);
        for (const double delay_us : Delays_us(config, 300, [](int) { return 0.0; }))
        {
            const double rounds = (delay_us - expected.aligned_us) / slot_us / ROUND_TRIP_SLOTS;
            EXPECT_NEAR(rounds, std::round(rounds), 0.02) << delay_us;
            worst = std::max(worst, rounds);
        }
    }
    EXPECT_GE(worst, 0.98) << "no block had to be repeated";
}

struct TddCase
{
    const char* pattern;
    int arrival;                    ///< slot at whose start packets come
    std::vector<int> transmissions; ///< slots after that in which they are sent, one by one
};

class NrTddLatency : public ::testing::TestWithParam<TddCase>
{
};

/// By hand, as 5G-LENA 4.0 has it: a packet that comes as slot a begins is decided on in slot a + 1
/// or later for a slot with downlink symbols two later (N0). Feedback goes in the first slot of
/// kind S or U from two slots after the transmission (K1), and the slot after that (N2) decides on
/// the repetition, again for two later.
INSTANTIATE_TEST_SUITE_P(Patterns,
                         NrTddLatency,
                         ::testing::Values(TddCase{"DDDSU", 0, {3, 11, 16, 21}},
                                           TddCase{"DDDSU", 1, {4, 10, 15, 20}},
                                           TddCase{"DDDSU", 2, {3, 9, 14, 19}},
                                           TddCase{"DDDSU", 3, {3, 8, 13, 18}},
                                           TddCase{"DDDSU", 4, {3, 8, 13, 18}},
                                           TddCase{"DDSU", 0, {4, 9, 14, 21}},
                                           TddCase{"DSUUU", 0, {5, 10, 15, 20}}));

TEST_P(NrTddLatency, FirstTransmissionsAndRepetitionsComeInTheirSlots)
{
    const auto& [pattern, arrival, transmissions] = GetParam();
    constexpr double SLOT_US = 500.0;
    auto config = ConstantSinr(0.0);
    config.carrier.slotPattern = pattern;
    config.carrier.specialSymbols = 12;
    config.csi.outerLoopStep_db = 0.0;
    std::set<int> seen;
    for (const uint8_t cqi : {8, 9, 10, 11})
    {
        config.propagation.sinr_db = EdgeOfCqi_db(config.carrier, cqi);
        // 10 ms are whole patterns of 5 slots and of 4.
        const auto delays_us = Delays_us(config, 300, [&](int) { return 0.5 * arrival; });
        for (const double delay_us : delays_us)
        {
            const double slots = (delay_us - 100.0) / SLOT_US - 13.0 / 14.0;
            EXPECT_NEAR(slots, std::round(slots), 0.01);
            seen.insert(static_cast<int>(std::lround(slots)));
        }
    }
    for (const int slot : seen)
    {
        EXPECT_TRUE(std::ranges::count(transmissions, slot)) << slot;
    }
    EXPECT_TRUE(seen.contains(transmissions[0]));
    EXPECT_TRUE(seen.contains(transmissions[1])) << "no block had to be repeated";
}

struct Envelope
{
    int numerology;
    double sinr_db;
    double low_mbps;
    double high_mbps;
};

std::vector<Envelope> ReadEnvelope()
{
    std::ifstream file(std::string(TEST_DATA_DIRECTORY) + "/nr-throughput-envelope.txt");
    std::vector<Envelope> rows;
    for (std::string line; std::getline(file, line);)
    {
        if (line.starts_with('#'))
        {
            continue;
        }
        Envelope row{};
        std::istringstream(line) >> row.numerology >> row.sinr_db >> row.low_mbps >> row.high_mbps;
        rows.push_back(row);
    }
    return rows;
}

double Throughput_mbps(int numerology, double sinr_db)
{
    auto config = ConstantSinr(sinr_db);
    config.carrier.numerology = static_cast<uint8_t>(numerology);
    config.carrier.bandwidth_prb = numerology == 0 ? 106 : 51;
    config.carrier.rbgSize_prb = 1;
    Testbed bed(config);
    bed.Saturate({0}, 9);
    bed.Run(0.5);
    const uint64_t before = bed.deliveredBytes[0];
    bed.Run(1.0);
    return 8e-6 * static_cast<double>(bed.deliveredBytes[0] - before);
}

TEST(NrThroughput, OverSinrLiesInTheEnvelopeOfAnIndependentSimulatorsErrorModels)
{
    const auto envelope = ReadEnvelope();
    ASSERT_EQ(envelope.size(), 62U);
    for (const auto& [numerology, sinr_db, low_mbps, high_mbps] : envelope)
    {
        const double mbps = Throughput_mbps(numerology, sinr_db);
        EXPECT_GE(mbps, 0.95 * low_mbps) << numerology << ' ' << sinr_db << " dB";
        EXPECT_LE(mbps, 1.05 * high_mbps) << numerology << ' ' << sinr_db << " dB";
    }
}

using Deliveries = std::vector<std::pair<uint64_t, int64_t>>; ///< packet's number, time in ns

/// 200 packets in bursts, one every 10 ms, to a fading UE that needs repetitions.
Deliveries DeliveriesOf(bool late)
{
    auto config = ConstantSinr(12.0);
    config.propagation.fading = TdlModel::C;
    Testbed bed(config);
    Deliveries deliveries;
    std::map<uint64_t, uint64_t> number;
    if (late)
    {
        bed.Ran().SetLateDeliveryCallback(
            [&](uint32_t, uint32_t, const ns3::Packet& packet, int64_t complete_ns)
            {
                EXPECT_LE(complete_ns, ns3::Simulator::Now().GetNanoSeconds());
                deliveries.emplace_back(number.at(packet.GetUid()), complete_ns);
            });
    }
    else
    {
        bed.Ran().SetDeliveryCallback(
            [&](uint32_t, uint32_t, const ns3::Packet& packet)
            {
                deliveries.emplace_back(number.at(packet.GetUid()),
                                        ns3::Simulator::Now().GetNanoSeconds());
            });
    }
    for (uint64_t k = 0; k < 200; ++k)
    {
        ns3::Simulator::Schedule(ns3::MicroSeconds(1 + k / 10 * 10'037),
                                 [&, k]
                                 {
                                     auto packet = ns3::Create<ns3::Packet>(1400);
                                     number[packet->GetUid()] = k;
                                     bed.Ran().Send(0, packet, 1428);
                                 });
    }
    bed.Run(0.4);
    bed.Ran().CatchUp();
    return deliveries;
}

TEST(NrDelivery, LateReportsAreTheSameAtTheSameTimes)
{
    const auto onTime = DeliveriesOf(false);
    EXPECT_EQ(onTime.size(), 200U);
    EXPECT_EQ(DeliveriesOf(true), onTime);
}

} // namespace
} // namespace slicebridge::nr::testing
