// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/scenario.h"

#include "lte/qos-class.h"
#include "scenarios/json-reader.h"
#include "scenarios/lte-reader.h"
#include "scenarios/nr-reader.h"
#include "scenarios/slice-reader.h"
#include "slicing/five-qi.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <regex>
#include <set>
#include <sstream>

namespace slicebridge
{

namespace
{

constexpr double NS_PER_S = 1e9;
constexpr int64_t NS_PER_MS = 1'000'000;
/// Largest SRS periodicity in ms (TS 36.213, table 8.2-1): one UE per subframe of it.
constexpr uint32_t LTE_UES_PER_CELL_MAX = 320;
constexpr uint32_t CELLS_MAX = 19;
constexpr uint32_t SLICES_MAX = 8;

TimingConfig ReadTiming(JsonReader reader)
{
    TimingConfig timing{
        .lowPeriod_ms = reader.Integer("low_period_ms", 1, 1000),
        .highPeriod_ms = reader.Integer("high_period_ms", 1, 60'000),
        .warmUp_s = reader.Number("warm_up_s", {.low = 0, .high = 600}),
        .duration_s = reader.Number("duration_s", {.low = 0, .high = 86'400, .lowOpen = true}),
    };
    if (reader.Sound() && timing.highPeriod_ms % timing.lowPeriod_ms != 0)
    {
        reader.Refuse("high_period_ms",
                      "is " + std::to_string(timing.highPeriod_ms),
                      "a multiple of low_period_ms");
    }
    const int64_t duration_ns = std::llround(timing.duration_s * NS_PER_S);
    if (reader.Sound() && duration_ns % (timing.highPeriod_ms * NS_PER_MS) != 0)
    {
        reader.Refuse("duration_s",
                      "is " + std::to_string(timing.duration_s),
                      "a multiple of high_period_ms");
    }
    reader.Close();
    return timing;
}

CellsConfig ReadCells(JsonReader reader)
{
    CellsConfig cells{
        .count = reader.Integer("count", 1, CELLS_MAX),
        .interSiteDistance_m = reader.Number("inter_site_distance_m", {.low = 10, .high = 1e5}),
        .height_m = reader.Number("height_m", {.low = 1, .high = 500}),
        .positions_m = ReadPositions(reader, "positions_m"),
        .handover = reader.Boolean("handover"),
    };
    if (reader.Sound() && cells.positions_m && cells.positions_m->size() != cells.count)
    {
        reader.Refuse("positions_m",
                      "has " + std::to_string(cells.positions_m->size()) + " entries",
                      "cells.count of them, " + std::to_string(cells.count));
    }
    reader.Close();
    return cells;
}

MobilityConfig ReadMobility(JsonReader reader)
{
    MobilityConfig mobility;
    mobility.model = reader.Model<MobilityModelKind>(
        {{"static", MobilityModelKind::Static}, {"random-walk", MobilityModelKind::RandomWalk}});
    mobility.height_m = reader.Number("height_m", {.low = 0.5, .high = 300});
    if (mobility.model == MobilityModelKind::RandomWalk)
    {
        const NumberRange speed{.low = 0, .high = 200};
        const auto row = reader.Row("speed_mps", {speed, speed});
        mobility.speed_mps = {row[0], row[1]};
        if (reader.Sound() && row[0] > row[1])
        {
            reader.Refuse("speed_mps", "has the greatest speed first", "[lowest, highest]");
        }
    }
    else
    {
        reader.Unused("speed_mps", "model random-walk");
    }
    reader.Close();
    return mobility;
}

DuConfig ReadDu(JsonReader reader)
{
    DuConfig du{
        .compute_bps = reader.Number("compute_bps", {.low = 0, .high = 1e15, .lowOpen = true}),
        .overhead_bytes = reader.Integer("compute_overhead_bytes", 0, 65'535),
        .queue_packets = reader.Integer("queue_packets", 1, 10'000'000),
    };
    reader.Close();
    return du;
}

RecordingConfig ReadRecording(JsonReader reader)
{
    RecordingConfig recording{
        .packets = reader.Choice<PacketRecording>("packets",
                                                  {{"none", PacketRecording::None},
                                                   {"summary", PacketRecording::Summary},
                                                   {"all", PacketRecording::All}}),
        .ues = reader.Boolean("ues"),
    };
    reader.Close();
    return recording;
}

std::map<std::string, std::string> ReadAttributes(JsonReader& document)
{
    static const std::regex path("ns3::[A-Za-z0-9_:]+::[A-Za-z0-9_]+");
    std::map<std::string, std::string> attributes;
    for (auto& [name, value] : document.Strings("attributes"))
    {
        if (!std::regex_match(name, path))
        {
            document.Refuse("attributes." + name, "is no attribute path", "ns3::Class::Attribute");
        }
        attributes.emplace(std::move(name), std::move(value));
    }
    return attributes;
}

std::variant<LteRadio, NrRadio> ReadRadio(RanKind ran, JsonReader& document)
{
    if (ran == RanKind::Nr)
    {
        return ReadNrRadio(document);
    }
    return ReadLteRadio(document);
}

void CheckSliceOfRan(RanKind ran,
                     const SliceScenario& slice,
                     const std::string& key,
                     JsonReader& document)
{
    const std::string fiveQi = std::to_string(slice.slice.fiveQi);
    if (ran == RanKind::Lte && !HasBearer(slice.slice.fiveQi))
    {
        document.Refuse(key + ".five_qi",
                        "is " + fiveQi + ", which ns-3's bearers lack",
                        "any other, or ran nr");
    }
    if (ran == RanKind::Nr && !IsFiveQi(slice.slice.fiveQi))
    {
        document.Refuse(key + ".five_qi",
                        "is " + fiveQi + ", a QCI of LTE alone",
                        "any other, or ran lte");
    }
    if (ran == RanKind::Nr && slice.rlc != RlcMode::Um)
    {
        document.Refuse(key + ".rlc", "is \"am\" with ran nr", "um");
    }
}

/// What only one of the radio access technologies refuses.
void CheckSlicesOfRan(const Scenario& scenario, uint64_t uesPerCell, JsonReader& document)
{
    if (scenario.ran == RanKind::Lte && uesPerCell > LTE_UES_PER_CELL_MAX)
    {
        document.Refuse("slices",
                        "have " + std::to_string(uesPerCell) + " UEs per cell on LTE",
                        "at most " + std::to_string(LTE_UES_PER_CELL_MAX) +
                            ", by its sounding reference signals; `ran: nr` takes more");
    }
    for (std::size_t i = 0; i < scenario.slices.size(); ++i)
    {
        CheckSliceOfRan(scenario.ran,
                        scenario.slices[i],
                        "slices[" + std::to_string(i) + "]",
                        document);
    }
}

/// Rules that span slices.
void CheckSlices(const Scenario& scenario, JsonReader& document)
{
    std::set<std::string> names;
    double minima = 0.0;
    uint64_t ues = 0;
    for (std::size_t i = 0; i < scenario.slices.size(); ++i)
    {
        const auto& slice = scenario.slices[i];
        const std::string key = "slices[" + std::to_string(i) + "]";
        if (!names.insert(slice.slice.name).second)
        {
            document.Refuse(key + ".name", "is used twice: " + slice.slice.name, "a unique name");
        }
        const uint64_t inAll = uint64_t{slice.ues} * scenario.cells.count;
        if (slice.positions_m && slice.positions_m->size() != inAll)
        {
            document.Refuse(key + ".positions_m",
                            "has " + std::to_string(slice.positions_m->size()) + " entries",
                            "one per UE in all cells, " + std::to_string(inAll));
        }
        minima += slice.slice.policy.min;
        ues += slice.ues;
    }
    if (minima > 1.0 + 1e-6)
    {
        document.Refuse("slices", "sum of policy.min is " + std::to_string(minima), "at most 1");
    }
    CheckSlicesOfRan(scenario, ues, document);
}

void ThrowIfAny(const Violations& violations, const std::string& source)
{
    std::string message;
    for (const auto& violation : violations)
    {
        message += (message.empty() ? "" : "\n") + source + ": " + violation;
    }
    if (!message.empty())
    {
        throw ScenarioError(message);
    }
}

/// Where a JSON parser's message begins, after the tag that nlohmann puts before it.
std::string WithoutTag(std::string message)
{
    const auto end = message.find("] ");
    return end == std::string::npos ? message : message.substr(end + 2);
}

} // namespace

std::size_t Scenario::UeCount() const
{
    return UeSlice().size();
}

std::vector<uint32_t> Scenario::UeSlice() const
{
    std::vector<uint32_t> result;
    for (uint32_t slice = 0; slice < slices.size(); ++slice)
    {
        result.insert(result.end(), std::size_t{slices[slice].ues} * cells.count, slice);
    }
    return result;
}

std::vector<uint32_t> Scenario::UeHomeCell() const
{
    std::vector<uint32_t> result;
    for (const auto& slice : slices)
    {
        for (uint32_t cell = 0; cell < cells.count; ++cell)
        {
            result.insert(result.end(), slice.ues, cell);
        }
    }
    return result;
}

std::vector<SliceConfig> Scenario::SliceConfigs() const
{
    std::vector<SliceConfig> result;
    for (const auto& slice : slices)
    {
        result.push_back(slice.slice);
    }
    return result;
}

Scenario ParseScenario(const nlohmann::json& json, const std::string& source)
{
    Violations violations;
    JsonReader document(json, "", violations);
    document.IntegerOf("schema_version", {1});
    const auto ran = document.Choice<RanKind>("ran", {{"lte", RanKind::Lte}, {"nr", RanKind::Nr}});
    ThrowIfAny(violations, source); // the keys of an unknown RAN are not known
    Scenario scenario{
        .name = document.Name("name"),
        .description = document.String("description"),
        .ran = ran,
        .seed = document.Integer("seed", 1, std::numeric_limits<uint32_t>::max()),
        .timing = ReadTiming(document.Object("timing")),
        .radio = ReadRadio(ran, document),
        .cells = ReadCells(document.Object("cells")),
        .mobility = ReadMobility(document.Object("mobility")),
        .du = ReadDu(document.Object("du")),
        .slices = {},
        .attributes = ReadAttributes(document),
        .recording = ReadRecording(document.Object("recording")),
    };
    for (auto& reader : document.Objects("slices", 1, SLICES_MAX))
    {
        scenario.slices.push_back(ReadSlice(std::move(reader)));
    }
    document.Close();
    if (violations.empty())
    {
        CheckSlices(scenario, document);
    }
    ThrowIfAny(violations, source);
    return scenario;
}

Scenario LoadScenario(const std::string& path)
{
    std::ifstream file(path);
    std::stringstream text;
    // A directory opens, but cannot be read.
    if (!file || !(text << file.rdbuf()))
    {
        throw ScenarioError(path + ": cannot be read (allowed: a readable JSON file)");
    }
    try
    {
        return ParseScenario(nlohmann::json::parse(text.str()), path);
    }
    catch (const nlohmann::json::parse_error& error)
    {
        throw ScenarioError(path + ": is no JSON: " + WithoutTag(error.what()));
    }
}

} // namespace slicebridge
