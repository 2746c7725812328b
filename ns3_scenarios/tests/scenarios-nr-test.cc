// SPDX-License-Identifier: GPL-2.0-only
//
// Keys of `ran: nr`: what is refused, and where they are refused.
#include "program.h"
#include "scenario-builder.h"
#include "scenarios/scenario.h"

#include <functional>
#include <gtest/gtest.h>
#include <numeric>
#include <string>
#include <utility>
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
    {"ErrorTableTooShort",
     [](Json& s) { s["carrier"]["error_table_db"] = std::vector<double>(28, 5.0); },
     "carrier.error_table_db"},
    {"ErrorTableOfNames",
     [](Json& s) { s["carrier"]["error_table_db"] = "t1.csv"; },
     "carrier.error_table_db"},
    {"ErrorTableAndMcsTable",
     [](Json& s)
     {
         s["carrier"]["mcs_table"] = 2;
         s["carrier"]["error_table_db"] = std::vector<double>(29, 5.0);
     },
     "carrier.error_table_db"},
    {"Processes", [](Json& s) { s["harq"]["processes"] = 0; }, "harq.processes"},
    {"DecodeTime", [](Json& s) { s["harq"]["decode_us"] = 2000; }, "harq.decode_us"},
    {"ReportPeriod", [](Json& s) { s["csi"]["period_slots"] = 0; }, "csi.period_slots"},
    {"Core", [](Json& s) { s["core"] = "epc"; }, "core"},
    {"DelayOfNoCore", [](Json& s) { s["core_delay_ms"] = 1.0; }, "core_delay_ms"},
    {"CoreWithoutDelay", [](Json& s) { s["core"] = "epc-like"; }, "core_delay_ms"},
    {"DelayBelowZero",
     [](Json& s) { s.update({{"core", "epc-like"}, {"core_delay_ms", -0.1}}); },
     "core_delay_ms"},
    {"UnknownAttributeOfChannel",
     [](Json& s) { s["attributes"]["ns3::ThreeGppChannelConditionModel::NoSuchThing"] = "1"; },
     "attributes.ns3::ThreeGppChannelConditionModel::NoSuchThing"},
    {"QciOfLte", [](Json& s) { s["slices"][1]["five_qi"] = 75; }, "slices[1].five_qi"},
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
    ExpectRefused(scenario, GetParam().key);
}

TEST(ScenariosNrKeys, KeysOfNrAreRefusedOnLte)
{
    auto scenario = ScenarioJson();
    scenario["carrier"]["numerology"] = 1;
    scenario["harq"] = Json::object();
    scenario["core_delay_ms"] = 1.0;
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
        EXPECT_NE(text.find("core_delay_ms: belongs to ran nr"), std::string::npos) << text;
    }
}

TEST(ScenariosNrKeys, AnErrorTableHasAValuePerMcs)
{
    auto json = NrScenarioJson();
    json["carrier"]["mcs_table"] = 2;
    std::vector<double> table_db(28);
    std::iota(table_db.begin(), table_db.end(), -5.5);
    json["carrier"]["error_table_db"] = table_db;
    const auto scenario = ParseScenario(json, "file");
    EXPECT_EQ(std::get<NrRadio>(scenario.radio).carrier.errorTable_db, table_db);
}

TEST(ScenariosNrKeys, TheUntouchedScenarioIsAccepted)
{
    const auto scenario = ParseScenario(NrScenarioJson(), "file");
    const auto& radio = std::get<NrRadio>(scenario.radio);
    EXPECT_EQ(radio.carrier.bandwidth_prb, 51U);
    EXPECT_EQ(radio.carrier.rbgSize_prb, 4U);
    EXPECT_DOUBLE_EQ(radio.carrier.frequency_hz, 3.5e9);
    EXPECT_TRUE(radio.carrier.errorTable_db.empty());
}

} // namespace
} // namespace slicebridge
