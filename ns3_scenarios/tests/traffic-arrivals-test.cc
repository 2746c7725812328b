// SPDX-License-Identifier: GPL-2.0-only
//
// Arrival statistics against theory. Seeds are fixed, so outcomes are, too; the tolerances are
// those that a correct generator meets with the stated probability over all seeds.
#include "traffic/arrival-process.h"
#include "traffic/load.h"
#include "traffic/traffic-source.h"

#include "ns3/node.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace slicebridge
{
namespace
{

struct Sent
{
    double time_s;
    uint32_t bytes;
};

struct SourceUnderTest
{
    TrafficConfig config;
    uint32_t ue{0};
    std::shared_ptr<Load> load{};
    std::vector<Sent> sent{};
    ns3::Ptr<TrafficSource> source{};
};

class TrafficArrivals : public ::testing::Test
{
  protected:
    void SetUp() override
    {
        ns3::RngSeedManager::SetSeed(1);
        ns3::RngSeedManager::SetRun(7);
    }

    void TearDown() override
    {
        ns3::Simulator::Destroy();
    }

    void Install(SourceUnderTest& test)
    {
        const auto* file = std::get_if<Ftp3Traffic>(&test.config.model);
        if (!test.load)
        {
            test.load = MakeLoad(test.config.load, 0);
        }
        test.source = ns3::CreateObject<TrafficSource>(TrafficSource::Parts{
            .arrivals = MakeArrivalProcess(test.config, test.ue),
            .load = test.load,
            .packet_bytes = test.config.packet_bytes,
            .arrival_bytes = file ? file->file_bytes : test.config.packet_bytes,
            .admit = [&test](uint32_t bytes)
            { return PacketId{test.ue, static_cast<uint32_t>(test.sent.size())}; },
            .outlet = [&test](ns3::Ptr<ns3::Packet> packet)
            { test.sent.push_back({ns3::Simulator::Now().GetSeconds(), packet->GetSize()}); },
        });
        test.source->SetStartTime(ns3::Seconds(0));
        m_node->AddApplication(test.source);
    }

    std::vector<Sent> Run(SourceUnderTest test, double duration_s)
    {
        Install(test);
        RunFor(duration_s);
        return test.sent;
    }

    static void RunFor(double duration_s)
    {
        ns3::Simulator::Stop(ns3::Seconds(duration_s));
        ns3::Simulator::Run();
    }

    ns3::Ptr<ns3::Node> m_node{ns3::CreateObject<ns3::Node>()};
};

/// Largest distance between the empirical distribution and `cdf`, in units of 1 / sqrt(n).
double KolmogorovSmirnov(std::vector<double> samples, const std::function<double(double)>& cdf)
{
    std::sort(samples.begin(), samples.end());
    const auto n = static_cast<double>(samples.size());
    double distance = 0.0;
    for (std::size_t i = 0; i < samples.size(); ++i)
    {
        const double expected = cdf(samples[i]);
        distance = std::max(
            {distance, std::abs(expected - double(i) / n), std::abs(double(i + 1) / n - expected)});
    }
    return distance * std::sqrt(n);
}

/// Exceeded with probability 1e-4 by samples of the right distribution: sqrt(-ln(1e-4 / 2) / 2).
constexpr double KS_LIMIT = 2.225;

/// Standard deviations that a normal variable exceeds with probability 6e-5.
constexpr double SIGMAS = 4.0;

std::vector<double> Gaps(const std::vector<Sent>& sent)
{
    std::vector<double> gaps;
    for (std::size_t i = 1; i < sent.size(); ++i)
    {
        gaps.push_back(sent[i].time_s - sent[i - 1].time_s);
    }
    return gaps;
}

double CountBetween(const std::vector<Sent>& sent, double from_s, double to_s)
{
    return static_cast<double>(std::count_if(
        sent.begin(),
        sent.end(),
        [&](const Sent& packet) { return packet.time_s >= from_s && packet.time_s < to_s; }));
}

TEST_F(TrafficArrivals, ConstantRateSendsEqualPacketsAtEqualGaps)
{
    const auto sent = Run({.config = {.model = ConstantTraffic{.rate_bps = 2e6}}}, 10.0);
    const double gap_s = 1200 * 8 / 2e6;
    EXPECT_NEAR(double(sent.size()), 10.0 / gap_s, 1.0);
    for (const double gap : Gaps(sent))
    {
        EXPECT_NEAR(gap, gap_s, 2e-9);
    }
    EXPECT_TRUE(std::all_of(sent.begin(), sent.end(), [](auto& p) { return p.bytes == 1200; }));
}

TEST_F(TrafficArrivals, ConstantRateDoesNotDriftByRoundingToNanoseconds)
{
    // 7 packets/s have no gap in whole nanoseconds.
    const auto sent =
        Run({.config = {.model = ConstantTraffic{.rate_bps = 7 * 8 * 100}, .packet_bytes = 100}},
            3000.0);
    EXPECT_NEAR(sent.back().time_s - sent.front().time_s, double(sent.size() - 1) / 7.0, 2e-9);
}

TEST_F(TrafficArrivals, UesOfAConstantRateAreNotInStep)
{
    const TrafficConfig config{.model = ConstantTraffic{.rate_bps = 1e6}};
    SourceUnderTest first{.config = config, .ue = 0};
    SourceUnderTest second{.config = config, .ue = 1};
    Install(first);
    Install(second);
    RunFor(1.0);
    EXPECT_GT(std::abs(first.sent.front().time_s - second.sent.front().time_s), 1e-5);
}

TEST_F(TrafficArrivals, PoissonHasItsRateAndExponentialGaps)
{
    const double rate_hz = 50.0;
    const double duration_s = 400.0;
    const auto sent =
        Run({.config = {.model = PoissonTraffic{.arrivalRate_hz = rate_hz}}}, duration_s);
    const double mean = rate_hz * duration_s;
    EXPECT_NEAR(double(sent.size()), mean, SIGMAS * std::sqrt(mean));
    EXPECT_LT(
        KolmogorovSmirnov(Gaps(sent), [&](double gap) { return 1.0 - std::exp(-rate_hz * gap); }),
        KS_LIMIT);
}

TEST_F(TrafficArrivals, FilesArriveWholeAndPaced)
{
    TrafficConfig config{.model = Ftp3Traffic{.file_bytes = 10'000, .arrivalRate_hz = 2.0}};
    const auto sent = Run({.config = config}, 500.0);
    const double total = std::accumulate(sent.begin(),
                                         sent.end(),
                                         0.0,
                                         [](double sum, auto& p) { return sum + p.bytes; });
    const double files = total / 10'000;
    EXPECT_EQ(files, std::round(files)) << "500 s do not end inside a file with this seed";
    EXPECT_NEAR(files, 1000.0, SIGMAS * std::sqrt(1000.0));
    // Eight full packets and one of 400 bytes, at the pace of the server.
    for (std::size_t i = 0; i + 9 <= sent.size(); i += 9)
    {
        EXPECT_EQ(sent[i].bytes, 1200U);
        EXPECT_EQ(sent[i + 8].bytes, 400U);
        EXPECT_NEAR(sent[i + 1].time_s - sent[i].time_s,
                    1200 * 8 / TrafficSource::FILE_RATE_BPS,
                    2e-9);
    }
}

TEST_F(TrafficArrivals, LastPacketOfAFileStillHoldsTheHeader)
{
    TrafficConfig config{.model = Ftp3Traffic{.file_bytes = 1201, .arrivalRate_hz = 5.0}};
    const auto sent = Run({.config = config}, 5.0);
    ASSERT_GE(sent.size(), 2U);
    EXPECT_EQ(sent[0].bytes, 1200U);
    EXPECT_EQ(sent[1].bytes, TrafficHeader::BYTES);
}

TEST_F(TrafficArrivals, OnOffSendsAtItsRateWhileOnAndForItsPartOfTheTime)
{
    const double on_s = 0.5;
    const double off_s = 1.5;
    const double duration_s = 4000.0;
    SourceUnderTest test{
        .config = {.model = OnOffTraffic{.rate_bps = 1e6, .onMean_s = on_s, .offMean_s = off_s},
                   .packet_bytes = 1250}};
    test.load = MakeOnOffLoad(MakeLoad(ConstantLoadConfig{}, 0), on_s, off_s, 0);
    const auto sent = Run(test, duration_s);
    // Variance of the time average of a two-state chain: 2 p (1 - p) tau / T, with the relaxation
    // time tau = on off / (on + off).
    const double p = on_s / (on_s + off_s);
    const double tau_s = on_s * off_s / (on_s + off_s);
    const double sigma = std::sqrt(2 * p * (1 - p) * tau_s / duration_s);
    const double packet_s = 0.01;
    EXPECT_NEAR(double(sent.size()) * packet_s / duration_s, p, SIGMAS * sigma);
    const auto gaps = Gaps(sent);
    EXPECT_GE(*std::min_element(gaps.begin(), gaps.end()), packet_s - 2e-9);
    const auto regular = std::count_if(gaps.begin(),
                                       gaps.end(),
                                       [&](double gap) { return std::abs(gap - packet_s) < 2e-9; });
    // A gap is longer only where an off time begins: mean on time over packet distance is 50.
    EXPECT_GT(double(regular) / double(gaps.size()), 0.96);
}

TEST_F(TrafficArrivals, PeriodicPacketsStayWithinTheirJitter)
{
    const auto sent =
        Run({.config = {.model = PeriodicTraffic{.period_ms = 10.0, .jitter_ms = 4.0}}}, 100.0);
    EXPECT_NEAR(double(sent.size()), 1e4, 1.0);
    std::vector<double> offsets;
    for (std::size_t k = 0; k < sent.size(); ++k)
    {
        offsets.push_back(sent[k].time_s - double(k) * 0.010);
    }
    const auto [least, greatest] = std::minmax_element(offsets.begin(), offsets.end());
    EXPECT_LE(*greatest - *least, 0.004 + 2e-9);
    const double phase = *least;
    EXPECT_LT(KolmogorovSmirnov(offsets, [&](double x) { return (x - phase) / 0.004; }), KS_LIMIT);
}

TEST_F(TrafficArrivals, EveryDeviceSendsOnceABurstAtABetaTime)
{
    const TrafficConfig config{.model =
                                   BetaBurstTraffic{.burstPeriod_s = 10.0, .burstDuration_s = 5.0},
                               .packet_bytes = 128};
    std::vector<SourceUnderTest> devices;
    for (uint32_t ue = 0; ue < 1000; ++ue)
    {
        devices.push_back({.config = config, .ue = ue});
    }
    for (auto& device : devices)
    {
        Install(device);
    }
    RunFor(20.0);
    std::vector<double> offsets;
    for (const auto& device : devices)
    {
        ASSERT_EQ(device.sent.size(), 2U);
        for (std::size_t burst = 0; burst < 2; ++burst)
        {
            offsets.push_back((device.sent[burst].time_s - 10.0 * double(burst)) / 5.0);
        }
    }
    // Distribution function of Beta(3, 4): P(third smallest of six uniforms <= x).
    const auto beta = [](double x)
    {
        x = std::clamp(x, 0.0, 1.0);
        return 20 * std::pow(x, 3) - 45 * std::pow(x, 4) + 36 * std::pow(x, 5) -
               10 * std::pow(x, 6);
    };
    EXPECT_LT(KolmogorovSmirnov(offsets, beta), KS_LIMIT);
}

TEST_F(TrafficArrivals, ConstantFactorMultipliesTheRate)
{
    TrafficConfig config{.model = PoissonTraffic{.arrivalRate_hz = 20.0},
                         .load = ConstantLoadConfig{.factor = 2.5}};
    const auto sent = Run({.config = config}, 400.0);
    EXPECT_NEAR(double(sent.size()), 20'000.0, SIGMAS * std::sqrt(20'000.0));
}

TEST_F(TrafficArrivals, FactorZeroSendsNothing)
{
    TrafficConfig config{.model = PoissonTraffic{.arrivalRate_hz = 1000.0},
                         .load = ConstantLoadConfig{.factor = 0.0}};
    EXPECT_TRUE(Run({.config = config}, 100.0).empty());
    TrafficConfig silent{.model = PoissonTraffic{.arrivalRate_hz = 1000.0},
                         .load = MarkovLoadConfig{{{0.0, 1.0}, {0.0, 2.0}}}};
    EXPECT_TRUE(Run({.config = silent}, 100.0).empty());
}

TEST_F(TrafficArrivals, ProfileIsTheIntegralOfItsLinesFromTheStartOfMeasurement)
{
    // 0 for ever before, a ramp 0 -> 2 over 10 s, 2 for 10 s, down to 0.5 at 30 s and on.
    TrafficConfig config{
        .model = ConstantTraffic{.rate_bps = 800e3},
        .packet_bytes = 100,
        .load = ProfileLoadConfig{{{0.0, 0.0}, {10.0, 2.0}, {20.0, 2.0}, {30.0, 0.5}}}};
    SourceUnderTest test{.config = config};
    Install(test);
    RunFor(3.0);
    EXPECT_TRUE(test.sent.empty());
    test.source->BeforeLoadChange();
    test.load->SetOrigin(3.0);
    test.source->AfterLoadChange();
    RunFor(40.0);
    EXPECT_NEAR(CountBetween(test.sent, 3, 13), 1000 * 10, 2);
    EXPECT_NEAR(CountBetween(test.sent, 3, 8), 1000 * 2.5, 2);
    EXPECT_NEAR(CountBetween(test.sent, 13, 23), 1000 * 20, 2);
    EXPECT_NEAR(CountBetween(test.sent, 23, 33), 1000 * 12.5, 2);
    EXPECT_NEAR(CountBetween(test.sent, 33, 43), 1000 * 5, 2);
}

TEST_F(TrafficArrivals, StartOfAProfileNeitherLosesNorRepeatsAnArrival)
{
    // Factor 1 before and after: the change of origin must not show.
    TrafficConfig config{.model = ConstantTraffic{.rate_bps = 800e3},
                         .packet_bytes = 100,
                         .load = ProfileLoadConfig{{{0.0, 1.0}}}};
    SourceUnderTest test{.config = config};
    Install(test);
    RunFor(2.00037);
    test.source->BeforeLoadChange();
    test.load->SetOrigin(2.00037);
    test.source->AfterLoadChange();
    RunFor(2.0);
    for (const double gap : Gaps(test.sent))
    {
        EXPECT_NEAR(gap, 0.001, 2e-9);
    }
}

TEST_F(TrafficArrivals, MarkovLoadHasItsStationaryOccupancy)
{
    const auto load = MakeLoad(MarkovLoadConfig{{{0.2, 1.0}, {1.0, 3.0}, {4.0, 2.0}}}, 0);
    const double duration_s = 60'000.0;
    std::vector<double> time_s(3);
    double now_s = 0.0;
    while (now_s < duration_s)
    {
        const auto piece = load->At(now_s);
        const std::size_t state = piece.factor < 0.5 ? 0 : piece.factor < 2.0 ? 1 : 2;
        time_s[state] += std::min(piece.end_s, duration_s) - now_s;
        now_s = piece.end_s;
    }
    // The slowest relaxation time of this chain is below 3 s, so 2 p (1 - p) 3 s / T bounds the
    // variance.
    const std::vector<double> expected{1.0 / 6, 3.0 / 6, 2.0 / 6};
    for (std::size_t state = 0; state < 3; ++state)
    {
        const double p = expected[state];
        EXPECT_NEAR(time_s[state] / duration_s,
                    p,
                    SIGMAS * std::sqrt(2 * p * (1 - p) * 3.0 / duration_s));
    }
}

TEST_F(TrafficArrivals, MarkovPathDoesNotDependOnWhoLooksFirst)
{
    const MarkovLoadConfig config{{{0.0, 0.7}, {1.0, 0.3}}};
    const auto stepped = MakeLoad(config, 2);
    const auto jumped = MakeLoad(config, 2);
    const double whole = jumped->Work(0.0, 100.0);
    double parts = 0.0;
    for (int step = 0; step < 1000; ++step)
    {
        parts += stepped->Work(step * 0.1, (step + 1) * 0.1);
    }
    EXPECT_NEAR(whole, parts, 1e-9);
    EXPECT_NE(MakeLoad(config, 3)->Work(0.0, 100.0), whole);
}

TEST_F(TrafficArrivals, ArrivalsOfAUeDependOnNothingElse)
{
    const TrafficConfig config{.model = PoissonTraffic{.arrivalRate_hz = 30.0}};
    const auto alone = Run({.config = config, .ue = 5}, 20.0);
    ns3::Simulator::Destroy();
    m_node = ns3::CreateObject<ns3::Node>();

    SourceUnderTest other{.config = config, .ue = 4};
    SourceUnderTest same{.config = config, .ue = 5};
    Install(other);
    Install(same);
    RunFor(20.0);
    ASSERT_EQ(alone.size(), same.sent.size());
    for (std::size_t i = 0; i < alone.size(); ++i)
    {
        EXPECT_EQ(alone[i].time_s, same.sent[i].time_s);
    }
    EXPECT_NE(other.sent.front().time_s, same.sent.front().time_s);
}

TEST_F(TrafficArrivals, AnotherRunDrawsAnotherCourse)
{
    const TrafficConfig config{.model = PoissonTraffic{.arrivalRate_hz = 30.0}};
    const auto first = Run({.config = config}, 2.0);
    ns3::Simulator::Destroy();
    m_node = ns3::CreateObject<ns3::Node>();
    ns3::RngSeedManager::SetRun(8);
    const auto second = Run({.config = config}, 2.0);
    EXPECT_NE(first.front().time_s, second.front().time_s);
}

} // namespace
} // namespace slicebridge
