// SPDX-License-Identifier: GPL-2.0-only
//
// Whole programs with `ran: nr`: accounts, determinism, handover, and keys that are refused.
#include "program.h"
#include "scenario-builder.h"
#include "scenarios/scenario.h"

#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace slicebridge
{
namespace
{

using Json = nlohmann::json;

/// The small scenario of two slices on NR.
Json NrScenarioJson()
{
    auto scenario = ScenarioJson();
    scenario["ran"] = "nr";
    scenario["core"] = "none";
    scenario["carrier"] = {{"numerology", 1},
                           {"bandwidth_mhz", 20},
                           {"frequency_ghz", 3.5},
                           {"tx_power_dbm", 43.0},
                           {"noise_figure_ue_db", 9.0},
                           {"rbg_size_prb", nullptr},
                           {"slot_pattern", "D"},
                           {"control_symbols", 1},
                           {"data_symbols", 12},
                           {"special_symbols", 9},
                           {"dmrs_res_per_prb", 12},
                           {"overhead_res_per_prb", 0},
                           {"mcs_table", 1}};
    scenario["propagation"] = {{"model", "uma"},
                               {"line_of_sight", "random"},
                               {"shadowing", true},
                               {"fading", "tdl-c"},
                               {"delay_spread_ns", 100.0},
                               {"loss_db", nullptr},
                               {"sinr_db", nullptr}};
    scenario["harq"] = {{"processes", 16},
                        {"transmissions", 4},
                        {"n0_slots", 2},
                        {"k1_slots", 2},
                        {"n2_slots", 1},
                        {"decode_us", 100.0}};
    scenario["csi"] = {{"period_slots", 10}, {"delay_slots", 4}, {"outer_loop_step_db", 0.5}};
    return scenario;
}

/// Seven small cells past which UEs drive, too much load and too few HARQ transmissions: queues
/// drop, the air loses, and UEs are handed over.
Json LossyNrScenario()
{
    auto scenario = NrScenarioJson();
    scenario["timing"]["duration_s"] = 5.0;
    scenario["cells"]["count"] = 7;
    scenario["cells"]["inter_site_distance_m"] = 200.0;
    scenario["recording"] = {{"packets", "all"}, {"ues", true}};
    scenario["du"] = {{"compute_bps", 30e6}, {"compute_overhead_bytes", 40}, {"queue_packets", 40}};
    scenario["harq"]["transmissions"] = 2;
    scenario["mobility"] = {{"model", "random-walk"}, {"speed_mps", {30, 40}}, {"height_m", 1.5}};
    for (auto& slice : scenario["slices"])
    {
        slice["traffic"]["load"] = SilentWarmUp();
    }
    scenario["slices"][0]["traffic"]["rate_mbps"] = 8.0;
    return scenario;
}

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

TEST(ScenariosNr, EveryPacketIsAccountedForInEveryEpochCellAndSlice)
{
    TemporaryDirectory directory;
    Simulate(directory, LossyNrScenario(), "out");
    const auto rows = ReadRecords(directory / "out" / "slices.raw");
    ASSERT_EQ(rows.size(), 50U * 7 * 2);
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
    std::map<double, double> home;
    int moves = 0;
    for (const auto& row : ReadRecords(directory / "out" / "ues.raw"))
    {
        ASSERT_GE(row.at("cell"), 0.0);
        const auto [entry, fresh] = home.try_emplace(row.at("ue"), row.at("cell"));
        moves += !fresh && entry->second != row.at("cell") ? 1 : 0;
        entry->second = row.at("cell");
    }
    EXPECT_GE(moves, 3) << "the scenario is to hand UEs over";
}

TEST(ScenariosNr, TheSameSeedGivesTheSameBitsAndAnotherDoesNot)
{
    TemporaryDirectory directory;
    auto scenario = LossyNrScenario();
    scenario["timing"]["duration_s"] = 1.0;
    Simulate(directory, scenario, "first");
    Simulate(directory, scenario, "again");
    Simulate(directory, scenario, "other", {"--seed", "2"});
    for (const char* name : {"slices.raw", "controls.raw", "ues.raw", "packets.raw"})
    {
        const auto first = ReadFile(directory / "first" / name);
        EXPECT_GT(first.size(), 1000U);
        EXPECT_TRUE(first == ReadFile(directory / "again" / name)) << name;
        EXPECT_TRUE(name == std::string("controls.raw") ||
                    first != ReadFile(directory / "other" / name))
            << name;
    }
}

TEST(ScenariosNr, AChannelModelsAttributesCanBeSet)
{
    TemporaryDirectory directory;
    auto scenario = NrScenarioJson();
    Simulate(directory, scenario, "plain");
    scenario["attributes"]["ns3::ThreeGppChannelConditionModel::O2iThreshold"] = "1.0";
    Simulate(directory, scenario, "indoor");
    EXPECT_NE(ReadFile(directory / "plain" / "slices.raw"),
              ReadFile(directory / "indoor" / "slices.raw"));
    scenario["attributes"] = {{"ns3::ThreeGppChannelConditionModel::NoSuchThing", "1"}};
    const auto file = directory / "bad.json";
    WriteFile(file, scenario.dump());
    const Program program(directory, {"--scenario", file.string()});
    EXPECT_EQ(program.Wait(), 2);
    EXPECT_NE(program.Errors().find("NoSuchThing"), std::string::npos);
}

struct BadScenario
{
    const char* title;
    std::function<void(Json&)> spoil;
    const char* key; ///< that the line has to name
};

const std::vector<BadScenario> BAD_SCENARIOS{
    {"LteCarrierKey", [](Json& s) { s["carrier"]["dl_earfcn"] = 100; }, "carrier.dl_earfcn"},
    {"LteChannel", [](Json& s) { s["propagation"]["model"] = "cost231"; }, "propagation.model"},
    {"LteChannelKey", [](Json& s) { s["propagation"]["exponent"] = 3; }, "propagation.exponent"},
    {"Numerology", [](Json& s) { s["carrier"]["numerology"] = 4; }, "carrier.numerology"},
    {"Bandwidth", [](Json& s) { s["carrier"]["bandwidth_mhz"] = 21; }, "carrier.bandwidth_mhz"},
    {"NumerologyOfFr2", [](Json& s) { s["carrier"]["numerology"] = 3; }, "carrier.bandwidth_mhz"},
    {"BetweenRanges", [](Json& s) { s["carrier"]["frequency_ghz"] = 10; }, "carrier.frequency_ghz"},
    {"SlotPattern", [](Json& s) { s["carrier"]["slot_pattern"] = "DXU"; }, "carrier.slot_pattern"},
    {"NoDownlink", [](Json& s) { s["carrier"]["slot_pattern"] = "U"; }, "carrier.slot_pattern"},
    {"Symbols", [](Json& s) { s["carrier"]["data_symbols"] = 14; }, "carrier.data_symbols"},
    {"SpecialSymbols",
     [](Json& s) { s["carrier"]["special_symbols"] = 13; },
     "carrier.special_symbols"},
    {"DmrsTakesAll",
     [](Json& s)
     {
         s["carrier"]["data_symbols"] = 1;
         s["carrier"]["special_symbols"] = 1;
     },
     "carrier.dmrs_res_per_prb"},
    {"RbgTooLarge", [](Json& s) { s["carrier"]["rbg_size_prb"] = 60; }, "carrier.rbg_size_prb"},
    {"McsTable", [](Json& s) { s["carrier"]["mcs_table"] = 4; }, "carrier.mcs_table"},
    {"Processes", [](Json& s) { s["harq"]["processes"] = 0; }, "harq.processes"},
    {"DecodeTime", [](Json& s) { s["harq"]["decode_us"] = 2000; }, "harq.decode_us"},
    {"ReportPeriod", [](Json& s) { s["csi"]["period_slots"] = 0; }, "csi.period_slots"},
    {"Core", [](Json& s) { s["core"] = "epc"; }, "core"},
    {"HarqMissing", [](Json& s) { s.erase("harq"); }, "harq"},
    {"AcknowledgedMode", [](Json& s) { s["slices"][0]["rlc"] = "am"; }, "slices[0].rlc"},
    {"SpreadOfNoFading",
     [](Json& s) { s["propagation"]["fading"] = "none"; },
     "propagation.delay_spread_ns"},
    {"RmaAboveItsRange",
     [](Json& s)
     {
         s["propagation"]["model"] = "rma";
         s["carrier"]["frequency_ghz"] = 38.0;
         s["carrier"]["numerology"] = 3;
         s["carrier"]["bandwidth_mhz"] = 100;
     },
     "propagation.model"},
};

class ScenariosNrInput : public ::testing::TestWithParam<BadScenario>
{
};

INSTANTIATE_TEST_SUITE_P(Bad,
                         ScenariosNrInput,
                         ::testing::ValuesIn(BAD_SCENARIOS),
                         [](const auto& bad) { return bad.param.title; });

TEST_P(ScenariosNrInput, IsRefusedInOneLineThatNamesTheKey)
{
    auto scenario = NrScenarioJson();
    GetParam().spoil(scenario);
    try
    {
        ParseScenario(scenario, "file");
        FAIL() << "accepted";
    }
    catch (const ScenarioError& error)
    {
        const std::string text = error.what();
        EXPECT_TRUE(text.starts_with(std::string("file: ") + GetParam().key + ":")) << text;
        EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
}

TEST(ScenariosNrKeys, KeysOfNrAreRefusedOnLte)
{
    auto scenario = ScenarioJson();
    scenario["carrier"]["numerology"] = 1;
    scenario["harq"] = Json::object();
    try
    {
        ParseScenario(scenario, "file");
        FAIL() << "accepted";
    }
    catch (const ScenarioError& error)
    {
        const std::string text = error.what();
        EXPECT_NE(text.find("carrier.numerology: belongs to ran nr"), std::string::npos) << text;
        EXPECT_NE(text.find("harq: belongs to ran nr"), std::string::npos) << text;
    }
}

TEST(ScenariosNrKeys, TheUntouchedScenarioIsAccepted)
{
    const auto scenario = ParseScenario(NrScenarioJson(), "file");
    const auto& radio = std::get<NrRadio>(scenario.radio);
    EXPECT_EQ(radio.carrier.bandwidth_prb, 51U);
    EXPECT_EQ(radio.carrier.rbgSize_prb, 4U);
    EXPECT_DOUBLE_EQ(radio.carrier.frequency_hz, 3.5e9);
}

} // namespace
} // namespace slicebridge
