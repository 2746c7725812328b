// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/slice-reader.h"

#include "slicing/five-qi.h"

#include <functional>

namespace slicebridge
{

namespace
{

constexpr double BPS_PER_MBPS = 1e6;

/// Shorter ones are slips of the unit, and would be drawn until memory is full.
constexpr double SHORTEST_S = 1e-3;

std::set<uint32_t> FiveQis()
{
    std::set<uint32_t> values;
    for (const auto& row : FiveQiTable())
    {
        values.insert(row.fiveQi);
    }
    return values;
}

NumberRange Positive(double high)
{
    return {.low = 0, .high = high, .lowOpen = true};
}

LoadConfig ReadProfile(JsonReader& reader)
{
    const NumberRange atLeastZero{.low = 0};
    ProfileLoadConfig profile;
    for (const auto& row : reader.Rows("points", {atLeastZero, atLeastZero}, 1))
    {
        if (!profile.points.empty() && row[0] <= profile.points.back().time_s)
        {
            reader.Refuse("points", "has times out of order", "strictly increasing times");
        }
        profile.points.push_back({.time_s = row[0], .factor = row[1]});
    }
    return profile;
}

LoadConfig ReadMarkov(JsonReader& reader)
{
    MarkovLoadConfig markov;
    for (const auto& row : reader.Rows("states", {{.low = 0}, {.low = SHORTEST_S}}, 2))
    {
        markov.states.push_back({.factor = row[0], .meanHolding_s = row[1]});
    }
    return markov;
}

LoadConfig ReadLoad(JsonReader reader)
{
    enum class Model
    {
        Constant,
        Profile,
        Markov
    };
    const auto model = reader.Model<Model>(
        {{"constant", Model::Constant}, {"profile", Model::Profile}, {"markov", Model::Markov}});
    LoadConfig load;
    if (model == Model::Constant)
    {
        load = ConstantLoadConfig{.factor = reader.Number("factor", {.low = 0, .high = 1000})};
    }
    else
    {
        reader.Unused("factor", "model constant");
    }
    if (model == Model::Profile)
    {
        load = ReadProfile(reader);
    }
    else
    {
        reader.Unused("points", "model profile");
    }
    if (model == Model::Markov)
    {
        load = ReadMarkov(reader);
    }
    else
    {
        reader.Unused("states", "model markov");
    }
    reader.Close();
    return load;
}

double ReadRate(JsonReader& reader)
{
    return reader.Number("rate_mbps", Positive(10'000)) * BPS_PER_MBPS;
}

double ReadArrivalRate(JsonReader& reader)
{
    return reader.Number("arrival_rate_hz", Positive(100'000));
}

TrafficModel ReadConstant(JsonReader& reader)
{
    return ConstantTraffic{.rate_bps = ReadRate(reader)};
}

TrafficModel ReadFtp3(JsonReader& reader)
{
    return Ftp3Traffic{.file_bytes = reader.Integer("file_bytes", 1, 1'000'000'000),
                       .arrivalRate_hz = ReadArrivalRate(reader)};
}

TrafficModel ReadOnOff(JsonReader& reader)
{
    return OnOffTraffic{.rate_bps = ReadRate(reader),
                        .onMean_s = reader.Number("on_mean_s", {.low = SHORTEST_S, .high = 3600}),
                        .offMean_s =
                            reader.Number("off_mean_s", {.low = SHORTEST_S, .high = 3600})};
}

TrafficModel ReadPeriodic(JsonReader& reader)
{
    PeriodicTraffic traffic{.period_ms = reader.Number("period_ms", {.low = 0.01, .high = 3.6e6}),
                            .jitter_ms = reader.Number("jitter_ms", {.low = 0})};
    if (reader.Sound() && traffic.jitter_ms > traffic.period_ms)
    {
        reader.Refuse("jitter_ms", "is " + std::to_string(traffic.jitter_ms), "at most period_ms");
    }
    return traffic;
}

TrafficModel ReadPoisson(JsonReader& reader)
{
    return PoissonTraffic{.arrivalRate_hz = ReadArrivalRate(reader)};
}

TrafficModel ReadBetaBurst(JsonReader& reader)
{
    BetaBurstTraffic traffic{
        .burstPeriod_s = reader.Number("burst_period_s", {.low = SHORTEST_S, .high = 86'400}),
        .burstDuration_s = reader.Number("burst_duration_s", {.low = SHORTEST_S, .high = 86'400})};
    if (reader.Sound() && traffic.burstDuration_s > traffic.burstPeriod_s)
    {
        reader.Refuse("burst_duration_s",
                      "is " + std::to_string(traffic.burstDuration_s),
                      "at most burst_period_s");
    }
    return traffic;
}

TrafficConfig ReadTraffic(JsonReader reader)
{
    using ModelReader = TrafficModel (*)(JsonReader&);
    const auto readModel = reader.Model<ModelReader>({{"constant", &ReadConstant},
                                                      {"ftp3", &ReadFtp3},
                                                      {"on-off", &ReadOnOff},
                                                      {"periodic", &ReadPeriodic},
                                                      {"poisson", &ReadPoisson},
                                                      {"beta-burst", &ReadBetaBurst}});
    TrafficConfig traffic{.model = readModel(reader),
                          .packet_bytes = reader.Integer("packet_bytes", 32, 1400),
                          .load = ReadLoad(reader.Object("load"))};
    reader.Close();
    return traffic;
}

SNssai ReadSNssai(JsonReader reader)
{
    SNssai sNssai{.sst = static_cast<uint8_t>(reader.Integer("sst", 0, 255)),
                  .sd = reader.OptionalInteger("sd", 0, 0xFFFFFF)};
    reader.Close();
    return sNssai;
}

RrmPolicyRatio ReadPolicy(JsonReader reader)
{
    const NumberRange ratio{.low = 0, .high = 1};
    const double dedicated = reader.Number("dedicated", ratio);
    const double min = reader.Number("min", ratio);
    const double max = reader.Number("max", ratio);
    if (reader.Sound() && dedicated > min)
    {
        reader.Refuse("dedicated", "is " + std::to_string(dedicated), "at most min");
    }
    if (reader.Sound() && min > max)
    {
        reader.Refuse("min", "is " + std::to_string(min), "at most max");
    }
    reader.Close();
    return {.dedicated = float(dedicated), .min = float(min), .max = float(max)};
}

Sla ReadSla(JsonReader reader)
{
    Sla sla;
    sla.ueThroughput_bps = reader.OptionalNumber("ue_throughput_mbps", Positive(10'000));
    if (sla.ueThroughput_bps)
    {
        *sla.ueThroughput_bps *= BPS_PER_MBPS;
    }
    sla.delayBudget_ms = reader.OptionalNumber("delay_budget_ms", Positive(3.6e6));
    sla.reliability =
        reader.OptionalNumber("reliability",
                              {.low = 0, .high = 1, .lowOpen = true, .highOpen = true});
    sla.weight = reader.Number("weight", {.low = 0, .high = 1000});
    if (reader.Sound() && sla.reliability && !sla.delayBudget_ms)
    {
        reader.Refuse("reliability", "is set without delay_budget_ms", "null, or set both");
    }
    reader.Close();
    return sla;
}

} // namespace

std::optional<std::vector<Position>> ReadPositions(JsonReader& reader, const std::string& key)
{
    const auto rows = reader.OptionalRows(key, {{}, {}, {}});
    if (!rows)
    {
        return std::nullopt;
    }
    std::vector<Position> positions;
    for (const auto& row : *rows)
    {
        positions.push_back({row[0], row[1], row[2]});
    }
    return positions;
}

SliceScenario ReadSlice(JsonReader reader)
{
    using enum SchedulingRule;
    SliceScenario result;
    SliceConfig& slice = result.slice;
    slice.name = reader.Name("name");
    slice.sNssai = ReadSNssai(reader.Object("s_nssai"));
    slice.fiveQi = static_cast<uint8_t>(reader.IntegerOf("five_qi", FiveQis()));
    slice.rule = reader.Choice<SchedulingRule>(
        "rule",
        {{"rr", RoundRobin}, {"pf", ProportionalFair}, {"max-cqi", MaxCqi}, {"m-lwdf", MLwdf}});
    slice.policy = ReadPolicy(reader.Object("policy"));
    slice.sla = ReadSla(reader.Object("sla"));
    result.rlc = reader.Choice<RlcMode>("rlc", {{"um", RlcMode::Um}, {"am", RlcMode::Am}});
    result.ues = reader.Integer("ues", 1, 100'000);
    result.positions_m = ReadPositions(reader, "positions_m");
    result.traffic = ReadTraffic(reader.Object("traffic"));
    reader.Close();
    return result;
}

} // namespace slicebridge
