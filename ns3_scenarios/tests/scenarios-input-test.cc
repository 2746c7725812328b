// SPDX-License-Identifier: GPL-2.0-only
//
// Bad input: one line that names the place, exit code 2, nothing written.
#include "program.h"
#include "scenario-builder.h"
#include "scenarios/scenario.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

namespace slicebridge
{
namespace
{

using Json = nlohmann::json;

struct BadScenario
{
    const char* title;
    std::function<void(Json&)> spoil;
    const char* key; ///< that the line has to name

    friend std::ostream& operator<<(std::ostream& out, const BadScenario& bad)
    {
        return out << bad.title;
    }
};

const std::vector<BadScenario> BAD_EVERYWHERE{
    {"UnknownKey", [](Json& s) { s["carrier"]["power_dbm"] = 43; }, "carrier.power_dbm"},
    {"UnknownTopKey", [](Json& s) { s["celss"] = 1; }, "celss"},
    {"MissingKey", [](Json& s) { s["timing"].erase("warm_up_s"); }, "timing.warm_up_s"},
    {"MissingSection", [](Json& s) { s.erase("du"); }, "du"},
    {"SectionOfWrongType", [](Json& s) { s["cells"] = 3; }, "cells"},
    {"OtherSchemaVersion", [](Json& s) { s["schema_version"] = 2; }, "schema_version"},
    {"BadName", [](Json& s) { s["name"] = "My Cell"; }, "name"},
    {"UnknownRan", [](Json& s) { s["ran"] = "wifi"; }, "ran"},
    {"SeedZero", [](Json& s) { s["seed"] = 0; }, "seed"},
    {"SeedNegative", [](Json& s) { s["seed"] = -3; }, "seed"},
    {"SeedTooLarge", [](Json& s) { s["seed"] = 4294967296; }, "seed"},
    {"FractionWhereInteger",
     [](Json& s) { s["timing"]["low_period_ms"] = 2.5; },
     "timing.low_period_ms"},
    {"TextWhereNumber", [](Json& s) { s["timing"]["duration_s"] = "1 s"; }, "timing.duration_s"},
    {"PeriodsDoNotNest",
     [](Json& s) { s["timing"]["low_period_ms"] = 30; },
     "timing.high_period_ms"},
    {"DurationDoesNotNest", [](Json& s) { s["timing"]["duration_s"] = 0.25; }, "timing.duration_s"},
    {"TooManyCells", [](Json& s) { s["cells"]["count"] = 20; }, "cells.count"},
    {"PositionsDoNotAgree",
     [](Json& s) { s["cells"]["positions_m"] = {{0, 0, 25}, {1, 0, 25}}; },
     "cells.positions_m"},
    {"PositionIsNoTriple",
     [](Json& s) { s["cells"]["positions_m"] = Json::array({{0, 0}}); },
     "cells.positions_m[0]"},
    {"SpeedsReversed",
     [](Json& s)
     { s["mobility"] = {{"model", "random-walk"}, {"speed_mps", {20, 10}}, {"height_m", 1.5}}; },
     "mobility.speed_mps"},
    {"NoCompute", [](Json& s) { s["du"]["compute_bps"] = 0; }, "du.compute_bps"},
    {"NoSlices", [](Json& s) { s["slices"] = Json::array(); }, "slices"},
    {"ZeroUes", [](Json& s) { s["slices"][0]["ues"] = 0; }, "slices[0].ues"},
    {"SliceNameTwice", [](Json& s) { s["slices"][1]["name"] = "embb"; }, "slices[1].name"},
    {"MinimaAboveOne",
     [](Json& s)
     {
         s["slices"][0]["policy"]["min"] = 0.6;
         s["slices"][1]["policy"]["min"] = 0.6;
     },
     "slices"},
    {"DedicatedAboveMin",
     [](Json& s) { s["slices"][0]["policy"]["dedicated"] = 0.4; },
     "slices[0].policy.dedicated"},
    {"RatioAboveOne",
     [](Json& s) { s["slices"][0]["policy"]["max"] = 30; },
     "slices[0].policy.max"},
    {"UnknownFiveQi", [](Json& s) { s["slices"][0]["five_qi"] = 11; }, "slices[0].five_qi"},
    {"UnknownRule", [](Json& s) { s["slices"][1]["rule"] = "fifo"; }, "slices[1].rule"},
    {"ReliabilityWithoutBudget",
     [](Json& s)
     {
         s["slices"][0]["sla"]["reliability"] = 0.9;
         s["slices"][0]["sla"]["delay_budget_ms"] = nullptr;
     },
     "slices[0].sla.reliability"},
    {"UnknownTraffic",
     [](Json& s) { s["slices"][0]["traffic"]["model"] = "web"; },
     "slices[0].traffic.model"},
    {"PacketTooLarge",
     [](Json& s) { s["slices"][0]["traffic"]["packet_bytes"] = 1500; },
     "slices[0].traffic.packet_bytes"},
    {"NegativeLoad",
     [](Json& s) { s["slices"][0]["traffic"]["load"]["factor"] = -1; },
     "slices[0].traffic.load.factor"},
    {"ProfileOutOfOrder",
     [](Json& s)
     { s["slices"][0]["traffic"]["load"] = {{"model", "profile"}, {"points", {{1, 1}, {1, 2}}}}; },
     "slices[0].traffic.load.points"},
    {"MarkovOfOneState",
     [](Json& s)
     { s["slices"][0]["traffic"]["load"] = {{"model", "markov"}, {"states", {{1, 1}}}}; },
     "slices[0].traffic.load.states"},
    {"JitterAbovePeriod",
     [](Json& s)
     {
         auto& traffic = s["slices"][0]["traffic"];
         traffic.erase("rate_mbps");
         traffic.update({{"model", "periodic"}, {"period_ms", 5}, {"jitter_ms", 6}});
     },
     "slices[0].traffic.jitter_ms"},
    {"AttributeIsNoPath", [](Json& s) { s["attributes"]["Foo"] = "1"; }, "attributes.Foo"},
    {"AttributeIsNoText",
     [](Json& s) { s["attributes"]["ns3::LteRlcUm::MaxTxBufferSize"] = 1; },
     "attributes.ns3::LteRlcUm::MaxTxBufferSize"},
    {"AttributeUnknown",
     [](Json& s) { s["attributes"]["ns3::LteRlcUm::Bogus"] = "1"; },
     "attributes.ns3::LteRlcUm::Bogus"},
    {"AttributeOfUnknownClass",
     [](Json& s) { s["attributes"]["ns3::Bogus::Size"] = "1"; },
     "attributes.ns3::Bogus::Size"},
    {"AttributeValueDoesNotFit",
     [](Json& s) { s["attributes"]["ns3::LteRlcUm::MaxTxBufferSize"] = "many"; },
     "attributes.ns3::LteRlcUm::MaxTxBufferSize"},
    {"UnknownRecording", [](Json& s) { s["recording"]["packets"] = "some"; }, "recording.packets"},
};

const std::vector<BadScenario> BAD_ON_LTE{
    {"FiveQiThatNs3Lacks", [](Json& s) { s["slices"][1]["five_qi"] = 10; }, "slices[1].five_qi"},
    {"BandwidthUnknown",
     [](Json& s) { s["carrier"]["bandwidth_prb"] = 30; },
     "carrier.bandwidth_prb"},
    {"EarfcnInNoBand", [](Json& s) { s["carrier"]["dl_earfcn"] = 4960; }, "carrier.dl_earfcn"},
    {"EarfcnUnknownToNs3", [](Json& s) { s["carrier"]["dl_earfcn"] = 6600; }, "carrier.dl_earfcn"},
    {"KeyOfAnotherModel",
     [](Json& s) { s["propagation"]["exponent"] = 3.0; },
     "propagation.exponent"},
    {"KeyOfModelMissing",
     [](Json& s) { s["propagation"]["model"] = "constant-loss"; },
     "propagation.loss_db"},
    {"FadingWithConstantSinr",
     [](Json& s)
     {
         s["propagation"]["model"] = "constant-sinr";
         s["propagation"]["sinr_db"] = 10.0;
     },
     "propagation.fading"},
    {"TooManyUes", [](Json& s) { s["slices"][0]["ues"] = 400; }, "slices"},
};

/// What every radio access network refuses, and what is LTE's own.
class ScenariosBadInput : public ::testing::TestWithParam<std::tuple<Network, BadScenario>>
{
};

TEST_P(ScenariosBadInput, ExitsWithOneLineAndNothingWritten)
{
    const auto& [network, bad] = GetParam();
    auto scenario = network.Scenario();
    bad.spoil(scenario);
    ExpectRefused(scenario, bad.key);
}

std::string NameOf(const ::testing::TestParamInfo<std::tuple<Network, BadScenario>>& instance)
{
    return std::string(std::get<Network>(instance.param).name) +
           std::get<BadScenario>(instance.param).title;
}

INSTANTIATE_TEST_SUITE_P(Everywhere,
                         ScenariosBadInput,
                         ::testing::Combine(::testing::Values(LTE, NR),
                                            ::testing::ValuesIn(BAD_EVERYWHERE)),
                         NameOf);

INSTANTIATE_TEST_SUITE_P(OnLte,
                         ScenariosBadInput,
                         ::testing::Combine(::testing::Values(LTE),
                                            ::testing::ValuesIn(BAD_ON_LTE)),
                         NameOf);

struct BadCommand
{
    const char* title;
    std::vector<std::string> arguments; ///< GOOD stands for the path of a good scenario
    const char* word;                   ///< that the line has to name
};

const std::vector<BadCommand> BAD_COMMANDS{
    {"NoScenario", {}, "--scenario"},
    {"NoSuchFile", {"--scenario", "/nowhere/x.json"}, "/nowhere/x.json"},
    {"ScenarioIsADirectory", {"--scenario", "/"}, "/: "},
    {"UnknownOption", {"--scenario", "GOOD", "--polcy", "static"}, "--polcy"},
    {"OptionWithoutValue", {"--scenario"}, "--scenario"},
    {"UnknownPolicy", {"--scenario", "GOOD", "--policy", "best"}, "--policy"},
    {"BadSeed", {"--scenario", "GOOD", "--seed", "1x"}, "--seed"},
    {"SeedZero", {"--scenario", "GOOD", "--seed", "0"}, "--seed"},
    {"AgentWithoutRunId", {"--scenario", "GOOD", "--agent", "ipc:///tmp/x"}, "--run-id"},
    {"AgentAndPolicy",
     {"--scenario", "GOOD", "--agent", "ns3gym://127.0.0.1:5555", "--policy", "static"},
     "--policy"},
    {"AgentWithoutToken",
     {"--scenario", "GOOD", "--agent", "ipc:///tmp/x", "--run-id", "a"},
     "SLICEBRIDGE_TOKEN"},
    {"UnknownAttribute",
     {"--scenario", "GOOD", "--ns3::LteRlcUm::Bogus=1"},
     "--ns3::LteRlcUm::Bogus"},
    {"UnknownGlobal", {"--scenario", "GOOD", "--Bogus=1"}, "--Bogus"},
    {"RunNumberBesideSeed", {"--scenario", "GOOD", "--RngRun=3"}, "--RngRun"},
};

class ScenariosBadCommand : public ::testing::TestWithParam<BadCommand>
{
};

TEST_P(ScenariosBadCommand, ExitsWithOneLineAndNothingWritten)
{
    TemporaryDirectory directory;
    const auto file = directory / "good.json";
    WriteFile(file, ScenarioJson().dump());
    auto arguments = GetParam().arguments;
    std::replace(arguments.begin(), arguments.end(), std::string("GOOD"), file.string());
    arguments.insert(arguments.begin(), "--out=" + (directory / "out").string());
    const Program program(directory, arguments);
    EXPECT_EQ(program.Wait(), 2);
    const auto errors = program.Errors();
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
    EXPECT_NE(errors.find(GetParam().word), std::string::npos) << errors;
    EXPECT_FALSE(std::filesystem::exists(directory / "out"));
}

INSTANTIATE_TEST_SUITE_P(Kinds,
                         ScenariosBadCommand,
                         ::testing::ValuesIn(BAD_COMMANDS),
                         [](const auto& instance) { return instance.param.title; });

TEST(ScenariosInput, SyntaxErrorsNameLineAndColumn)
{
    TemporaryDirectory directory;
    const auto file = directory / "bad.json";
    WriteFile(file, "{\"name\": \n \"a\",,}");
    const Program program(directory, {"--scenario", file.string()});
    EXPECT_EQ(program.Wait(), 2);
    const auto errors = program.Errors();
    EXPECT_NE(errors.find(file.string() + ": is no JSON"), std::string::npos) << errors;
    EXPECT_NE(errors.find("line 2, column 6"), std::string::npos) << errors;
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
}

TEST(ScenariosInput, EveryViolationIsNamedAtOnce)
{
    auto json = ScenarioJson();
    json["seed"] = 0;
    json["slices"][1]["ues"] = -1;
    json["du"]["extra"] = true;
    try
    {
        ParseScenario(json, "x");
        FAIL();
    }
    catch (const ScenarioError& error)
    {
        const std::string text = error.what();
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
        EXPECT_NE(text.find("x: seed: "), std::string::npos);
        EXPECT_NE(text.find("x: slices[1].ues: "), std::string::npos);
        EXPECT_NE(text.find("x: du.extra: "), std::string::npos);
    }
}

TEST(ScenariosInput, AGoodScenarioIsReadAsItStands)
{
    auto json = ScenarioJson();
    json["cells"]["count"] = 2;
    json["slices"][0]["s_nssai"]["sd"] = 7;
    json["slices"][1]["ues"] = 3;
    json["slices"][1]["traffic"]["load"] = {{"model", "markov"}, {"states", {{0, 1}, {2, 0.5}}}};
    const auto scenario = ParseScenario(json, "x");
    EXPECT_EQ(scenario.slices[0].slice.sNssai.sd, 7U);
    EXPECT_DOUBLE_EQ(std::get<ConstantTraffic>(scenario.slices[0].traffic.model).rate_bps, 0.5e6);
    EXPECT_EQ(std::get<MarkovLoadConfig>(scenario.slices[1].traffic.load).states[1].factor, 2.0);
    EXPECT_EQ(scenario.UeSlice(), (std::vector<uint32_t>{0, 0, 0, 0, 1, 1, 1, 1, 1, 1}));
    EXPECT_EQ(scenario.UeHomeCell(), (std::vector<uint32_t>{0, 0, 1, 1, 0, 0, 0, 1, 1, 1}));
}

} // namespace
} // namespace slicebridge
