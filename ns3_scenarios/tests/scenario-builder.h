// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TESTS_SCENARIO_BUILDER_H
#define SLICEBRIDGE_TESTS_SCENARIO_BUILDER_H

#include <array>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

namespace slicebridge
{

/// A slice of few static UEs with a constant rate; tests change what they are about.
inline nlohmann::json SliceJson(const std::string& name, int sst, int packet_bytes)
{
    return {
        {"name", name},
        {"s_nssai", {{"sst", sst}, {"sd", nullptr}}},
        {"five_qi", 9},
        {"rule", "pf"},
        {"rlc", "um"},
        {"ues", 2},
        {"positions_m", nullptr},
        {"policy", {{"dedicated", 0.0}, {"min", 0.3}, {"max", 1.0}}},
        {"sla",
         {{"ue_throughput_mbps", nullptr},
          {"delay_budget_ms", 50.0},
          {"reliability", nullptr},
          {"weight", 1.0}}},
        {"traffic",
         {{"model", "constant"},
          {"rate_mbps", 0.5},
          {"packet_bytes", packet_bytes},
          {"load",
           {{"model", "constant"}, {"factor", 1.0}, {"points", nullptr}, {"states", nullptr}}}}}};
}

/// A whole resolved scenario: one small cell, two slices, one second.
inline nlohmann::json ScenarioJson()
{
    return {
        {"schema_version", 1},
        {"name", "test"},
        {"description", ""},
        {"ran", "lte"},
        {"seed", 1},
        {"timing",
         {{"low_period_ms", 10}, {"high_period_ms", 100}, {"warm_up_s", 0.2}, {"duration_s", 1.0}}},
        {"carrier",
         {{"bandwidth_prb", 25},
          {"dl_earfcn", 100},
          {"tx_power_dbm", 43.0},
          {"noise_figure_ue_db", 9.0}}},
        {"cells",
         {{"count", 1},
          {"inter_site_distance_m", 500.0},
          {"height_m", 25.0},
          {"positions_m", nullptr},
          {"handover", true}}},
        {"propagation",
         {{"model", "cost231"},
          {"exponent", nullptr},
          {"reference_loss_db", nullptr},
          {"loss_db", nullptr},
          {"sinr_db", nullptr},
          {"fading", "jakes"}}},
        {"mobility", {{"model", "static"}, {"speed_mps", nullptr}, {"height_m", 1.5}}},
        {"du", {{"compute_bps", 200e6}, {"compute_overhead_bytes", 40}, {"queue_packets", 2000}}},
        {"slices", nlohmann::json::array({SliceJson("embb", 1, 1200), SliceJson("mmtc", 3, 200)})},
        {"attributes", nlohmann::json::object()},
        {"recording", {{"packets", "summary"}, {"ues", false}}}};
}

/// The same on NR. @param core as in the scenario
inline nlohmann::json NrScenarioJson(const std::string& core = "none")
{
    auto scenario = ScenarioJson();
    scenario["ran"] = "nr";
    scenario["core"] = core;
    scenario["core_delay_ms"] = core == "none" ? nlohmann::json(nullptr) : nlohmann::json(1.0);
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
                           {"error_table_db", nullptr},
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

/// A radio access network with its core, as tests of whole programs are run on each of them.
struct Network
{
    const char* name;
    bool nr;
    const char* core; ///< of NR

    /// The small scenario of two slices.
    nlohmann::json Scenario() const
    {
        return nr ? NrScenarioJson(core) : ScenarioJson();
    }

    friend std::ostream& operator<<(std::ostream& out, const Network& network)
    {
        return out << network.name;
    }
};

inline constexpr Network LTE{"Lte", false, ""};
inline constexpr Network NR{"Nr", true, "none"};
inline constexpr Network NR_THROUGH_IP{"NrThroughIp", true, "epc-like"};
inline constexpr std::array NETWORKS{LTE, NR, NR_THROUGH_IP};

/// A load that is silent until measurement begins, so that every packet sent is measured.
inline nlohmann::json SilentWarmUp()
{
    return {{"model", "profile"},
            {"factor", nullptr},
            {"points", {{0.0, 0.0}, {0.001, 1.0}}},
            {"states", nullptr}};
}

} // namespace slicebridge

#endif
