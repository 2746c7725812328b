// SPDX-License-Identifier: GPL-2.0-only
//
// The simulating side of tests/bench/bench_bulk.py: a network that computes nothing, under the real
// epoch loop and the real controller behind the link.
//
//   scenarios-bulk-bench --scenario FILE --agent ENDPOINT --run-id ID [--out DIR]
#include "scenarios/ran-attachment.h"
#include "scenarios/remote-controller.h"
#include "slicing/epoch-loop.h"

#include "ns3/simulator.h"

#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace
{

using namespace slicebridge;

constexpr int FAILED = 5;

class IdleCell : public RanCell
{
  public:
    void ApplySliceControls(std::span<const SliceControl>) override
    {
    }

    void ReadSlices(std::span<SliceCounters>) const override
    {
    }
};

/// UEs that always have data, evenly over the cells, and never get any.
class IdleNetwork : public Ran, public EndToEndCounters
{
  public:
    explicit IdleNetwork(std::size_t cells)
        : m_cells(cells)
    {
    }

    std::size_t CellCount() const override
    {
        return m_cells.size();
    }

    RanCell& Cell(std::size_t index) override
    {
        return m_cells[index];
    }

    void ApplyUeControls(std::span<const UeControl>) override
    {
    }

    void ReadUes(std::span<UeCounters> ues) const override
    {
        for (std::size_t ue = 0; ue < ues.size(); ++ue)
        {
            ues[ue].cell = static_cast<int32_t>(ue % m_cells.size());
            ues[ue].bufferBytes = 1000;
        }
    }

    bool AllUesConnected() const override
    {
        return true;
    }

    void CompleteSlices(std::size_t, std::span<SliceCounters>) const override
    {
    }

    void CompleteUes(std::span<UeCounters>) const override
    {
    }

  private:
    std::vector<IdleCell> m_cells;
};

/// What a simulation tells a learner of its slots, which nobody asks for here.
class IdleAttachment : public RanAttachment
{
  public:
    explicit IdleAttachment(Ran& ran)
        : m_ran(ran)
    {
    }

    Ran& GetRan() override
    {
        return m_ran;
    }

    ns3::Time Tti() const override
    {
        return ns3::MilliSeconds(1);
    }

    int32_t ServingCell(std::size_t) const override
    {
        return 0;
    }

    ns3::Ptr<ns3::Node> SourceNode() const override
    {
        return nullptr;
    }

    bool ReportsAirLosses() const override
    {
        return true;
    }

    SlotGrid Grid() const override
    {
        return {.slot = Tti(), .prbs = 1, .rbg_prbs = 1};
    }

    void ObserveSlots(SlotObserver*) override
    {
    }

    void CapturePackets(const std::string&) override
    {
    }

    std::vector<PacketOutlet> Connect(PacketLedger&) override
    {
        return {};
    }

  private:
    Ran& m_ran;
};

NetworkDescription Describe(const nlohmann::json& scenario)
{
    const auto cells = scenario.at("cells").at("count").get<uint32_t>();
    NetworkDescription network;
    for (uint32_t cell = 0; cell < cells; ++cell)
    {
        network.cells.push_back("cell" + std::to_string(cell));
    }
    for (const auto& slice : scenario.at("slices"))
    {
        const auto id = static_cast<uint32_t>(network.slices.size());
        network.ueSlice.insert(network.ueSlice.end(), slice.at("ues").get<uint32_t>() * cells, id);
        network.slices.push_back({.name = slice.at("name"), .sNssai = {}, .sla = {}, .policy = {}});
    }
    network.timing = {
        .low = ns3::MilliSeconds(scenario.at("timing").at("low_period_ms").get<uint64_t>()),
        .high = ns3::MilliSeconds(scenario.at("timing").at("high_period_ms").get<uint64_t>()),
        .warmUp = {},
        .duration = ns3::Seconds(scenario.at("timing").at("duration_s").get<double>())};
    network.versions = {{"bench", "1"}};
    return network;
}

void Simulate(std::map<std::string, std::string> options)
{
    std::ifstream file(options.at("--scenario"));
    const auto network = Describe(nlohmann::json::parse(file));
    IdleNetwork idle(network.cells.size());
    IdleAttachment attachment(idle);
    RemoteController controller(
        LinkOptionsFromEnvironment(options.at("--agent"), options.at("--run-id")),
        network,
        {.network = attachment, .fork = {}});
    EpochLoop loop({idle, idle, controller, {}, network.slices, network.ueSlice}, network.timing);
    loop.Start();
    ns3::Simulator::Run();
    ns3::Simulator::Destroy();
}

} // namespace

int main(int argc, char* argv[])
{
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try
    {
        std::map<std::string, std::string> options;
        for (std::size_t index = 0; index + 1 < arguments.size(); index += 2)
        {
            options[arguments[index]] = arguments[index + 1];
        }
        Simulate(std::move(options));
        return 0;
    }
    catch (const LinkError& error)
    {
        std::cerr << error.what() << std::endl;
        return error.ExitCode();
    }
    catch (const std::exception& error)
    {
        std::cerr << error.what() << std::endl;
        return FAILED;
    }
}
