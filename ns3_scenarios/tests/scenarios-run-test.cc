// SPDX-License-Identifier: GPL-2.0-only
//
// Whole programs: what ran-slicing writes, compared with itself, run by run and row by row.
#include "program.h"
#include "scenario-builder.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slicebridge
{
namespace
{

using Json = nlohmann::json;
using Rows = std::vector<std::map<std::string, double>>;

/// Runs a scenario to its end, records to `directory`/`out`.
void Simulate(const TemporaryDirectory& directory,
              const Json& scenario,
              const std::string& out,
              std::vector<std::string> more = {})
{
    const auto file = directory / (out + ".json");
    WriteFile(file, scenario.dump());
    more.insert(more.end(), {"--scenario", file.string(), "--out", (directory / out).string()});
    const Program program(directory, more);
    ASSERT_EQ(program.Wait(), 0) << program.Errors();
}

/// Everything that loses packets. LTE: two cells, a UE out of reach that its packets reach in part,
/// an RLC buffer of a few packets. NR: seven small cells past which UEs drive, too few HARQ
/// transmissions. Both: a DU that is slower than the offered load.
Json LossyScenario(const Network& network)
{
    auto scenario = network.Scenario();
    scenario["recording"] = {{"packets", "all"}, {"ues", true}};
    for (auto& slice : scenario["slices"])
    {
        slice["traffic"]["load"] = SilentWarmUp();
    }
    if (network.nr)
    {
        scenario["timing"]["duration_s"] = 5.0;
        scenario["cells"].update({{"count", 7}, {"inter_site_distance_m", 200.0}});
        scenario["du"] = {{"compute_bps", 30e6},
                          {"compute_overhead_bytes", 40},
                          {"queue_packets", 40}};
        scenario["harq"]["transmissions"] = 2;
        scenario["mobility"] = {{"model", "random-walk"},
                                {"speed_mps", {30, 40}},
                                {"height_m", 1.5}};
        scenario["slices"][0]["traffic"]["rate_mbps"] = 8.0;
        return scenario;
    }
    scenario["timing"]["duration_s"] = 3.0;
    scenario["cells"].update({{"count", 2}, {"inter_site_distance_m", 1000.0}});
    scenario["du"] = {{"compute_bps", 8e6}, {"compute_overhead_bytes", 40}, {"queue_packets", 20}};
    scenario["attributes"]["ns3::LteRlcUm::MaxTxBufferSize"] = "12000";
    scenario["slices"][0]["traffic"]["rate_mbps"] = 3.0;
    scenario["slices"][1]["positions_m"] = {{100, 0, 1.5},
                                            {500, 1100, 1.5},
                                            {900, 0, 1.5},
                                            {500, -1200, 1.5}};
    return scenario;
}

std::string NameOf(const ::testing::TestParamInfo<Network>& instance)
{
    return instance.param.name;
}

/// The records of the lossy scenario, simulated once per network.
class ScenariosLossyRun : public ::testing::TestWithParam<Network>
{
  protected:
    void SetUp() override
    {
        auto& run = s_runs[GetParam().name];
        if (!run)
        {
            run = std::make_unique<TemporaryDirectory>();
            Simulate(*run, LossyScenario(GetParam()), "out");
        }
        const auto scenario = LossyScenario(GetParam());
        duration_s = scenario["timing"]["duration_s"];
        epochs = static_cast<std::size_t>(std::lround(duration_s * 10.0));
        cells = scenario["cells"]["count"];
    }

    static void TearDownTestSuite()
    {
        s_runs.clear();
    }

    Rows Read(const std::string& name) const
    {
        return ReadRecords(*s_runs.at(GetParam().name) / "out" / name);
    }

    double duration_s{};
    std::size_t epochs{};
    std::size_t cells{};

  private:
    static inline std::map<std::string, std::unique_ptr<TemporaryDirectory>> s_runs;
};

INSTANTIATE_TEST_SUITE_P(Networks, ScenariosLossyRun, ::testing::ValuesIn(NETWORKS), NameOf);

constexpr std::size_t SLICES = 2;

TEST_P(ScenariosLossyRun, EveryPacketIsAccountedForInEveryEpochCellAndSlice)
{
    const auto rows = Read("slices.raw");
    ASSERT_EQ(rows.size(), epochs * cells * SLICES);
    std::map<std::pair<double, double>, double> queued; // nothing was sent during warm-up
    double dropped = 0.0;
    double lost = 0.0;
    for (const auto& row : rows)
    {
        auto& before = queued[{row.at("cell"), row.at("slice")}];
        const double settled =
            row.at("x.packets_delivered") + row.at("x.packets_dropped") + row.at("x.packets_lost");
        EXPECT_EQ(before + row.at("x.packets_sent"), settled + row.at("x.packets_queued"))
            << "at " << row.at("time_ns") << " ns";
        before = row.at("x.packets_queued");
        dropped += row.at("x.packets_dropped");
        lost += row.at("x.packets_lost");
        EXPECT_LE(row.at("RRU.PrbUsedDl"), row.at("RRU.PrbAvailDl"));
    }
    EXPECT_GT(dropped, 100.0) << "the scenario is to drop packets in queues";
    EXPECT_GT(lost, 10.0) << "the scenario is to lose packets on the air";
}

/// UEs of the LTE scenario stand still; lte-ran-mobility-test drives them.
class ScenariosDrivingRun : public ScenariosLossyRun
{
};

INSTANTIATE_TEST_SUITE_P(Networks,
                         ScenariosDrivingRun,
                         ::testing::Values(NR, NR_THROUGH_IP),
                         NameOf);

TEST_P(ScenariosDrivingRun, HandsUesOver)
{
    std::map<double, double> home;
    int moves = 0;
    for (const auto& row : Read("ues.raw"))
    {
        ASSERT_GE(row.at("cell"), 0.0);
        const auto [entry, fresh] = home.try_emplace(row.at("ue"), row.at("cell"));
        moves += !fresh && entry->second != row.at("cell") ? 1 : 0;
        entry->second = row.at("cell");
    }
    EXPECT_GE(moves, 3);
}

TEST_P(ScenariosLossyRun, PacketRowsAddUpToTheCounters)
{
    std::array<double, 4> counted{};
    double sent = 0.0;
    std::map<std::pair<double, double>, double> queued;
    for (const auto& row : Read("slices.raw"))
    {
        sent += row.at("x.packets_sent");
        counted[0] += row.at("x.packets_delivered");
        counted[1] += row.at("x.packets_dropped");
        counted[2] += row.at("x.packets_lost");
        queued[{row.at("cell"), row.at("slice")}] = row.at("x.packets_queued");
    }
    for (const auto& [where, packets] : queued)
    {
        counted[3] += packets;
    }
    std::array<double, 4> recorded{};
    const auto packets = Read("packets.raw");
    for (const auto& packet : packets)
    {
        ++recorded.at(static_cast<std::size_t>(packet.at("fate")));
        EXPECT_EQ(packet.at("delay_ns") >= 0, packet.at("fate") == 0);
        EXPECT_GE(packet.at("sent_ns"), 0);
        EXPECT_LT(packet.at("sent_ns"), duration_s * 1e9);
    }
    EXPECT_EQ(double(packets.size()), sent);
    EXPECT_EQ(recorded, counted);
}

TEST_P(ScenariosLossyRun, DelaysOfPacketRowsAreThoseOfTheCounters)
{
    double weighted_ms = 0.0;
    for (const auto& row : Read("slices.raw"))
    {
        weighted_ms += row.at("x.packet_delay_ms") * row.at("x.packets_delivered");
    }
    double sum_ms = 0.0;
    for (const auto& packet : Read("packets.raw"))
    {
        sum_ms += packet.at("fate") == 0 ? packet.at("delay_ns") * 1e-6 : 0.0;
    }
    // The rows hold means in single precision.
    EXPECT_NEAR(weighted_ms, sum_ms, 1e-5 * sum_ms);
}

TEST_P(ScenariosLossyRun, UesAddUpToTheirSlices)
{
    double sliceSent = 0.0;
    for (const auto& row : Read("slices.raw"))
    {
        sliceSent += row.at("x.packets_sent");
    }
    const auto ues = Read("ues.raw");
    const std::size_t ueCount = 4 * cells;
    EXPECT_EQ(ues.size(), epochs * ueCount);
    std::map<double, double> packetsOfUe;
    for (const auto& packet : Read("packets.raw"))
    {
        ++packetsOfUe[packet.at("ue")];
    }
    EXPECT_EQ(packetsOfUe.size(), ueCount);
    double packets = 0.0;
    for (const auto& [ue, count] : packetsOfUe)
    {
        packets += count;
    }
    EXPECT_EQ(packets, sliceSent);
}

TEST_P(ScenariosLossyRun, ControlsAreRecordedForEveryEpochCellAndSlice)
{
    const auto rows = Read("controls.raw");
    ASSERT_EQ(rows.size(), epochs * cells * SLICES);
    for (const auto& row : rows)
    {
        EXPECT_FLOAT_EQ(float(row.at("projected_min")), 0.3F);
        EXPECT_GE(row.at("achieved_min"), 0.0);
        EXPECT_LE(row.at("achieved_min"), 1.0);
    }
}

std::string AllRecords(const TemporaryDirectory& directory, const std::string& out)
{
    std::string bytes;
    for (const char* name : {"slices.raw", "controls.raw", "ues.raw", "packets.raw"})
    {
        bytes += ReadFile(directory / out / name);
    }
    return bytes;
}

/// One second of everything that draws random numbers.
Json RandomScenario(const Network& network)
{
    auto scenario = LossyScenario(network);
    scenario["timing"]["duration_s"] = 1.0;
    scenario["mobility"] = {{"model", "random-walk"}, {"speed_mps", {10, 20}}, {"height_m", 1.5}};
    scenario["slices"][0]["traffic"] = {
        {"model", "ftp3"},
        {"file_bytes", 50'000},
        {"arrival_rate_hz", 4.0},
        {"packet_bytes", 1000},
        {"load", {{"model", "markov"}, {"states", {{0.5, 0.2}, {2.0, 0.1}}}}}};
    return scenario;
}

/// Keeps every processor busy as long as it lives.
class Hogs
{
  public:
    Hogs()
    {
        for (unsigned hog = 0; hog < std::thread::hardware_concurrency(); ++hog)
        {
            m_threads.emplace_back(
                [this]
                {
                    while (!m_stop)
                    {
                    }
                });
        }
    }

    ~Hogs()
    {
        m_stop = true;
        for (auto& thread : m_threads)
        {
            thread.join();
        }
    }

    Hogs(const Hogs&) = delete;
    Hogs& operator=(const Hogs&) = delete;

  private:
    std::atomic<bool> m_stop{false};
    std::vector<std::thread> m_threads;
};

class ScenariosDeterminism : public ::testing::TestWithParam<Network>
{
};

INSTANTIATE_TEST_SUITE_P(Networks, ScenariosDeterminism, ::testing::ValuesIn(NETWORKS), NameOf);

TEST_P(ScenariosDeterminism, TheSameSeedGivesTheSameBitsAlsoUnderLoadAndAnotherDoesNot)
{
    TemporaryDirectory directory;
    const auto scenario = RandomScenario(GetParam());
    Simulate(directory, scenario, "first");
    {
        const Hogs hogs;
        Simulate(directory, scenario, "beside");
    }
    Simulate(directory, scenario, "other", {"--seed", "2"});
    const auto first = AllRecords(directory, "first");
    EXPECT_GT(first.size(), 10'000U);
    EXPECT_TRUE(first == AllRecords(directory, "beside"));
    EXPECT_FALSE(first == AllRecords(directory, "other"));
}

/// When each packet was sent, and to whom.
std::multiset<std::pair<double, double>> SentPackets(const TemporaryDirectory& directory,
                                                     const std::string& out)
{
    std::multiset<std::pair<double, double>> packets;
    for (const auto& packet : ReadRecords(directory / out / "packets.raw"))
    {
        packets.insert({packet.at("sent_ns"), packet.at("ue")});
    }
    return packets;
}

Json StandingStill(Json scenario)
{
    scenario["mobility"] = {{"model", "static"}, {"speed_mps", nullptr}, {"height_m", 1.5}};
    return scenario;
}

TEST_P(ScenariosDeterminism, TrafficIsTheSameUnderEveryPolicy)
{
    TemporaryDirectory directory;
    const auto scenario = StandingStill(RandomScenario(GetParam()));
    Simulate(directory, scenario, "a", {"--policy", "static"});
    Simulate(directory, scenario, "b", {"--policy", "max-weight"});
    EXPECT_GT(SentPackets(directory, "a").size(), 100U);
    EXPECT_EQ(SentPackets(directory, "a"), SentPackets(directory, "b"));
    EXPECT_NE(ReadFile(directory / "a" / "slices.raw"), ReadFile(directory / "b" / "slices.raw"));
}

TEST(ScenariosCore, LeavesTrafficAsItIsAndDelaysItByItsLink)
{
    TemporaryDirectory directory;
    auto scenario = StandingStill(RandomScenario(NR));
    scenario["slices"][0]["traffic"]["arrival_rate_hz"] = 1.0; // few packets are dropped
    Simulate(directory, scenario, "none");
    scenario["core"] = "epc-like";
    scenario["core_delay_ms"] = 40.0;
    Simulate(directory, scenario, "core");
    EXPECT_EQ(SentPackets(directory, "none"), SentPackets(directory, "core"));
    const auto least_ns = [&directory](const char* out)
    {
        double least = 1e18;
        for (const auto& packet : ReadRecords(directory / out / "packets.raw"))
        {
            least = packet.at("fate") == 0 ? std::min(least, packet.at("delay_ns")) : least;
        }
        return least;
    };
    constexpr double SLOT_NS = 500e3;
    EXPECT_NEAR(least_ns("core"), least_ns("none") + 40e6, SLOT_NS);
}

class ScenariosProgram : public ::testing::TestWithParam<Network>
{
};

INSTANTIATE_TEST_SUITE_P(Networks, ScenariosProgram, ::testing::ValuesIn(NETWORKS), NameOf);

TEST_P(ScenariosProgram, TheSummaryOfPacketsHoldsEveryPacketSent)
{
    TemporaryDirectory directory;
    auto scenario = LossyScenario(GetParam());
    scenario["recording"] = {{"packets", "summary"}, {"ues", false}};
    scenario["timing"]["duration_s"] = 1.0;
    Simulate(directory, scenario, "out");
    std::map<double, double> sent;
    for (const auto& row : ReadRecords(directory / "out" / "slices.raw"))
    {
        sent[row.at("slice")] += row.at("x.packets_sent");
    }
    std::map<double, double> summed;
    for (const auto& row : ReadRecords(directory / "out" / "packets.raw"))
    {
        summed[row.at("slice")] += row.at("count");
    }
    EXPECT_EQ(summed, sent);
    EXPECT_FALSE(std::filesystem::exists(directory / "out" / "ues.raw"));
}

TEST_P(ScenariosProgram, PrintsATableWithALineForEachSlice)
{
    TemporaryDirectory directory;
    const auto file = directory / "scenario.json";
    WriteFile(file, GetParam().Scenario().dump());
    const Program program(directory, {"--scenario", file.string(), "--policy=proportional"});
    ASSERT_EQ(program.Wait(), 0) << program.Errors();
    EXPECT_NE(program.Output().find("\nembb "), std::string::npos) << program.Output();
    EXPECT_NE(program.Output().find("\nmmtc "), std::string::npos) << program.Output();
}

TEST_P(ScenariosProgram, AttributesOnTheCommandLineOverruleTheScenario)
{
    TemporaryDirectory directory;
    auto scenario = LossyScenario(GetParam());
    scenario["timing"]["duration_s"] = 0.5;
    const std::string attribute = GetParam().nr ? "ns3::ThreeGppChannelConditionModel::O2iThreshold"
                                                : "ns3::LteRlcUm::MaxTxBufferSize";
    const std::string one = GetParam().nr ? "0.0" : "1000000";
    const std::string other = GetParam().nr ? "1.0" : "2500";
    scenario["attributes"][attribute] = one;
    Simulate(directory, scenario, "one");
    Simulate(directory, scenario, "overruled", {"--" + attribute + "=" + other});
    scenario["attributes"][attribute] = other;
    Simulate(directory, scenario, "other");
    EXPECT_TRUE(AllRecords(directory, "overruled") == AllRecords(directory, "other"));
    EXPECT_FALSE(AllRecords(directory, "overruled") == AllRecords(directory, "one"));
}

TEST_P(ScenariosProgram, TheSchemaIsThatOfTheProtocol)
{
    TemporaryDirectory directory;
    const auto file = directory / "scenario.json";
    WriteFile(file, GetParam().Scenario().dump());
    const Program program(directory, {"--schema", "--scenario", file.string()});
    ASSERT_EQ(program.Wait(), 0) << program.Errors();
    const auto schema = Json::parse(program.Output());
    EXPECT_EQ(schema["protocol"], 1);
    EXPECT_EQ(schema["ue_slice"], Json({0, 0, 1, 1}));
    EXPECT_EQ(schema["slices"][1]["name"], "mmtc");
    EXPECT_EQ(schema["periods_ms"]["high"], 100);
}

TEST(ScenariosQuestions, AnswersWhatNs3UsersAsk)
{
    TemporaryDirectory directory;
    const Program attributes(directory, {"--PrintAttributes=ns3::LteRlcUm"});
    EXPECT_EQ(attributes.Wait(), 0);
    EXPECT_NE(attributes.Output().find("MaxTxBufferSize"), std::string::npos);
    const Program help(directory, {"--help"});
    EXPECT_EQ(help.Wait(), 0);
    EXPECT_NE(help.Output().find("--policy"), std::string::npos);
    const Program version(directory, {"--version"});
    EXPECT_EQ(version.Wait(), 0);
    EXPECT_NE(version.Output().find("ns3 3."), std::string::npos);
}

void ExpectWholeRecordsAfter(int signal, const Network& network)
{
    TemporaryDirectory directory;
    auto scenario = network.Scenario();
    scenario["timing"]["duration_s"] = 3600.0;
    scenario["recording"] = {{"packets", "all"}, {"ues", true}};
    const auto file = directory / "scenario.json";
    WriteFile(file, scenario.dump());
    const auto out = directory / "out";
    const Program program(directory, {"--scenario", file.string(), "--out", out.string()});
    // Once something is recorded it is in the middle of the simulation.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!std::filesystem::exists(out / "slices.raw") ||
           ReadFile(out / "slices.raw").size() < 8192)
    {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    kill(program.Pid(), signal);
    EXPECT_EQ(program.Wait(), 128 + signal);
    const auto packets = ReadRecords(out / "packets.raw");
    EXPECT_GT(packets.size(), 0U);
    double sent = 0.0;
    double lastEpoch_ns = 0.0;
    for (const auto& row : ReadRecords(out / "slices.raw"))
    {
        sent += row.at("x.packets_sent");
        lastEpoch_ns = row.at("time_ns");
    }
    const auto recorded =
        std::count_if(packets.begin(),
                      packets.end(),
                      [&](const auto& packet) { return packet.at("sent_ns") < lastEpoch_ns; });
    EXPECT_EQ(double(recorded), sent);
}

TEST_P(ScenariosProgram, StopsOrderlyOnSigterm)
{
    ExpectWholeRecordsAfter(SIGTERM, GetParam());
}

TEST_P(ScenariosProgram, StopsOrderlyOnSigint)
{
    ExpectWholeRecordsAfter(SIGINT, GetParam());
}

TEST(ScenariosQuestions, ARecordDirectoryThatCannotBeMadeIsAFailure)
{
    TemporaryDirectory directory;
    const auto file = directory / "scenario.json";
    WriteFile(file, ScenarioJson().dump());
    const auto out = file / "out"; // below a file
    const Program program(directory, {"--scenario", file.string(), "--out", out.string()});
    EXPECT_EQ(program.Wait(), 5);
    EXPECT_NE(program.Errors().find(out.string()), std::string::npos) << program.Errors();
}

} // namespace
} // namespace slicebridge
