// SPDX-License-Identifier: GPL-2.0-only
//
// Whole programs: what ran-slicing writes, compared with itself, run by run and row by row.
#include "program.h"
#include "scenario-builder.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
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

/// Two cells, everything that loses packets: a UE out of reach that its packets reach in part, an
/// RLC buffer of a few packets, and a DU that is slower than the offered load.
Json LossyScenario()
{
    auto scenario = ScenarioJson();
    scenario["timing"]["duration_s"] = 3.0;
    scenario["cells"]["count"] = 2;
    scenario["cells"]["inter_site_distance_m"] = 1000.0;
    scenario["recording"] = {{"packets", "all"}, {"ues", true}};
    scenario["du"] = {{"compute_bps", 8e6}, {"compute_overhead_bytes", 40}, {"queue_packets", 20}};
    scenario["attributes"]["ns3::LteRlcUm::MaxTxBufferSize"] = "12000";
    auto& embb = scenario["slices"][0];
    embb["traffic"]["rate_mbps"] = 3.0;
    embb["traffic"]["load"] = SilentWarmUp();
    auto& mmtc = scenario["slices"][1];
    mmtc["traffic"]["load"] = SilentWarmUp();
    mmtc["positions_m"] = {{100, 0, 1.5}, {500, 1100, 1.5}, {900, 0, 1.5}, {500, -1200, 1.5}};
    return scenario;
}

class ScenariosLossyRun : public ::testing::Test
{
  protected:
    static void SetUpTestSuite()
    {
        s_directory = new TemporaryDirectory;
        Simulate(*s_directory, LossyScenario(), "out");
    }

    static void TearDownTestSuite()
    {
        delete s_directory;
        s_directory = nullptr;
    }

    static Rows Read(const std::string& name)
    {
        return ReadRecords(*s_directory / "out" / name);
    }

    static inline TemporaryDirectory* s_directory{nullptr};
};

constexpr int EPOCHS = 30;
constexpr int CELLS = 2;
constexpr int SLICES = 2;

TEST_F(ScenariosLossyRun, EveryPacketIsAccountedForInEveryEpochCellAndSlice)
{
    const auto rows = Read("slices.raw");
    ASSERT_EQ(rows.size(), std::size_t{EPOCHS * CELLS * SLICES});
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
    }
    EXPECT_GT(dropped, 100.0) << "the scenario is to drop packets in queues";
    EXPECT_GT(lost, 10.0) << "the scenario is to lose packets on the air";
}

TEST_F(ScenariosLossyRun, PacketRowsAddUpToTheCounters)
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
        EXPECT_LT(packet.at("sent_ns"), 3e9);
    }
    EXPECT_EQ(double(packets.size()), sent);
    EXPECT_EQ(recorded, counted);
}

TEST_F(ScenariosLossyRun, DelaysOfPacketRowsAreThoseOfTheCounters)
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

TEST_F(ScenariosLossyRun, UesAddUpToTheirSlices)
{
    double sliceSent = 0.0;
    for (const auto& row : Read("slices.raw"))
    {
        sliceSent += row.at("x.packets_sent");
    }
    const auto ues = Read("ues.raw");
    EXPECT_EQ(ues.size(), std::size_t{EPOCHS * 8});
    std::map<double, double> packetsOfUe;
    for (const auto& packet : Read("packets.raw"))
    {
        ++packetsOfUe[packet.at("ue")];
    }
    EXPECT_EQ(packetsOfUe.size(), 8U);
    double packets = 0.0;
    for (const auto& [ue, count] : packetsOfUe)
    {
        packets += count;
    }
    EXPECT_EQ(packets, sliceSent);
}

TEST_F(ScenariosLossyRun, ControlsAreRecordedForEveryEpochCellAndSlice)
{
    const auto rows = Read("controls.raw");
    ASSERT_EQ(rows.size(), std::size_t{EPOCHS * CELLS * SLICES});
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
Json RandomScenario()
{
    auto scenario = LossyScenario();
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

TEST(ScenariosDeterminism, TheSameSeedGivesTheSameBitsAlsoUnderLoadAndAnotherDoesNot)
{
    TemporaryDirectory directory;
    Simulate(directory, RandomScenario(), "first");
    std::atomic<bool> stop{false};
    std::vector<std::thread> hogs;
    for (unsigned hog = 0; hog < std::thread::hardware_concurrency(); ++hog)
    {
        hogs.emplace_back(
            [&stop]
            {
                while (!stop)
                {
                }
            });
    }
    Simulate(directory, RandomScenario(), "beside");
    stop = true;
    for (auto& hog : hogs)
    {
        hog.join();
    }
    Simulate(directory, RandomScenario(), "other", {"--seed", "2"});
    const auto first = AllRecords(directory, "first");
    EXPECT_GT(first.size(), 10'000U);
    EXPECT_TRUE(first == AllRecords(directory, "beside"));
    EXPECT_FALSE(first == AllRecords(directory, "other"));
}

TEST(ScenariosDeterminism, TrafficIsTheSameUnderEveryPolicy)
{
    TemporaryDirectory directory;
    auto scenario = RandomScenario();
    scenario["mobility"] = {{"model", "static"}, {"speed_mps", nullptr}, {"height_m", 1.5}};
    Simulate(directory, scenario, "a", {"--policy", "static"});
    Simulate(directory, scenario, "b", {"--policy", "max-weight"});
    const auto sent = [&directory](const char* out)
    {
        std::multiset<std::pair<double, double>> packets;
        for (const auto& packet : ReadRecords(directory / out / "packets.raw"))
        {
            packets.insert({packet.at("sent_ns"), packet.at("ue")});
        }
        return packets;
    };
    EXPECT_GT(sent("a").size(), 100U);
    EXPECT_EQ(sent("a"), sent("b"));
    EXPECT_NE(ReadFile(directory / "a" / "slices.raw"), ReadFile(directory / "b" / "slices.raw"));
}

TEST(ScenariosProgram, TheSummaryOfPacketsHoldsEveryPacketSent)
{
    TemporaryDirectory directory;
    auto scenario = LossyScenario();
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

TEST(ScenariosProgram, PrintsATableWithALineForEachSlice)
{
    TemporaryDirectory directory;
    const auto file = directory / "scenario.json";
    WriteFile(file, ScenarioJson().dump());
    const Program program(directory, {"--scenario", file.string(), "--policy=proportional"});
    ASSERT_EQ(program.Wait(), 0) << program.Errors();
    EXPECT_NE(program.Output().find("\nembb "), std::string::npos) << program.Output();
    EXPECT_NE(program.Output().find("\nmmtc "), std::string::npos) << program.Output();
}

TEST(ScenariosProgram, AttributesOnTheCommandLineOverruleTheScenario)
{
    TemporaryDirectory directory;
    auto scenario = LossyScenario();
    scenario["timing"]["duration_s"] = 0.5;
    const char* attribute = "ns3::LteRlcUm::MaxTxBufferSize";
    scenario["attributes"][attribute] = "1000000";
    Simulate(directory, scenario, "large");
    Simulate(directory, scenario, "small", {std::string("--") + attribute + "=2500"});
    const auto dropped = [&directory](const char* out)
    {
        double packets = 0.0;
        for (const auto& row : ReadRecords(directory / out / "slices.raw"))
        {
            packets += row.at("x.packets_dropped");
        }
        return packets;
    };
    EXPECT_GT(dropped("small"), dropped("large"));
}

TEST(ScenariosProgram, TheSchemaIsThatOfTheProtocol)
{
    TemporaryDirectory directory;
    const auto file = directory / "scenario.json";
    WriteFile(file, ScenarioJson().dump());
    const Program program(directory, {"--schema", "--scenario", file.string()});
    ASSERT_EQ(program.Wait(), 0) << program.Errors();
    const auto schema = Json::parse(program.Output());
    EXPECT_EQ(schema["protocol"], 1);
    EXPECT_EQ(schema["ue_slice"], Json({0, 0, 1, 1}));
    EXPECT_EQ(schema["slices"][1]["name"], "mmtc");
    EXPECT_EQ(schema["periods_ms"]["high"], 100);
}

TEST(ScenariosProgram, AnswersWhatNs3UsersAsk)
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

void ExpectWholeRecordsAfter(int signal)
{
    TemporaryDirectory directory;
    auto scenario = ScenarioJson();
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

TEST(ScenariosProgram, StopsOrderlyOnSigterm)
{
    ExpectWholeRecordsAfter(SIGTERM);
}

TEST(ScenariosProgram, StopsOrderlyOnSigint)
{
    ExpectWholeRecordsAfter(SIGINT);
}

TEST(ScenariosProgram, ARecordDirectoryThatCannotBeMadeIsAFailure)
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
