// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/simulation.h"

#include "scenarios/interrupt.h"
#include "scenarios/ns3-log.h"
#include "scenarios/ns3-values.h"
#include "scenarios/ns3gym-controller.h"
#include "scenarios/process-fork.h"
#include "scenarios/versions.h"
#include "scenarios/watched-controller.h"
#include "slicing/builtin-controllers.h"

#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <utility>

namespace slicebridge
{

namespace
{

/// Fixed: a scenario's `seed` is ns-3's run number, which gives independent streams.
constexpr uint32_t RNG_SEED = 1;

void Log(const std::string& text)
{
    char time[32];
    std::snprintf(time, sizeof(time), "%9.3f s ", ns3::Simulator::Now().GetSeconds());
    std::cerr << time << text << std::endl;
}

EpochTiming Timing(const Scenario& scenario)
{
    const auto& timing = scenario.timing;
    return {.low = ns3::MilliSeconds(timing.lowPeriod_ms),
            .high = ns3::MilliSeconds(timing.highPeriod_ms),
            .warmUp = ns3::Seconds(timing.warmUp_s),
            .duration = ns3::Seconds(timing.duration_s)};
}

LedgerConfig Ledger(const Scenario& scenario, const RanAttachment& network)
{
    LedgerConfig config{.cells = scenario.cells.count,
                        .ueSlice = scenario.UeSlice(),
                        .sliceDelayBudget_ms = {},
                        .inferAirLosses = !network.ReportsAirLosses()};
    for (const auto& slice : scenario.slices)
    {
        config.sliceDelayBudget_ms.push_back(slice.slice.sla.delayBudget_ms);
    }
    return config;
}

} // namespace

NetworkDescription Describe(const Scenario& scenario)
{
    NetworkDescription network{.cells = {},
                               .slices = scenario.SliceConfigs(),
                               .ueSlice = scenario.UeSlice(),
                               .timing = Timing(scenario),
                               .versions = Versions()};
    for (uint32_t cell = 0; cell < scenario.cells.count; ++cell)
    {
        network.cells.push_back("cell" + std::to_string(cell));
    }
    return network;
}

Simulation::Simulation(Scenario scenario, const CommandLineOptions& options)
    : m_scenario(std::move(scenario))
{
    for (const auto& choice : options.logs)
    {
        EnableNs3Log(choice);
    }
    ns3::RngSeedManager::SetSeed(RNG_SEED);
    ns3::RngSeedManager::SetRun(m_scenario.seed);
    BuildNetwork(options);
    BuildTraffic();
    m_summary = std::make_unique<Summary>(m_scenario, m_network->GetRan(), *m_ledger);
    m_controller = MakeController(options);
    EpochLoopParts parts{.ran = m_network->GetRan(),
                         .packets = *m_ledger,
                         .controller = *m_controller,
                         .observers = {},
                         .slices = m_scenario.SliceConfigs(),
                         .ueSlice = m_scenario.UeSlice()};
    if (!options.out.empty())
    {
        m_recorder = std::make_unique<Recorder>(options.out, m_scenario, *m_ledger);
        parts.observers.push_back(m_recorder.get());
    }
    auto timing = Timing(m_scenario);
    timing.tti = m_network->Tti();
    m_loop = std::make_unique<EpochLoop>(std::move(parts), timing);
    m_loop->OnMeasurementStart([this] { OnMeasurementStart(); });
}

Simulation::~Simulation()
{
    // Nodes hold applications that refer to the members.
    m_loop.reset();
    ns3::Simulator::Destroy();
}

void Simulation::BuildNetwork(const CommandLineOptions& options)
{
    try
    {
        m_network = MakeRan(m_scenario, [&] { SetUserDefaults(options); });
        if (!options.pcap.empty())
        {
            std::filesystem::create_directories(options.pcap);
            m_network->CapturePackets(options.pcap + "/link");
        }
    }
    catch (const std::invalid_argument& error)
    {
        throw UsageError(options.scenario + ": " + error.what());
    }
}

void Simulation::SetUserDefaults(const CommandLineOptions& options) const
{
    for (const auto& [name, value] : m_scenario.attributes)
    {
        SetNs3Value(name, value, options.scenario + ": attributes." + name);
    }
    for (const auto& [name, value] : options.ns3Values)
    {
        SetNs3Value(name, value, "--" + name);
    }
}

void Simulation::BuildTraffic()
{
    m_ledger = std::make_unique<PacketLedger>(Ledger(m_scenario, *m_network));
    TrafficParts parts{
        .ledger = *m_ledger,
        .slices = {},
        .ueSlice = m_scenario.UeSlice(),
        .host = m_network->SourceNode(),
        .outlets = m_network->Connect(*m_ledger),
        .cellOf = [this](uint32_t ue) { return m_network->ServingCell(ue); },
    };
    for (const auto& slice : m_scenario.slices)
    {
        parts.slices.push_back(slice.traffic);
    }
    m_traffic = std::make_unique<TrafficNetwork>(std::move(parts));
    if (!m_network->ReportsAirLosses())
    {
        m_ledger->Watch(m_network->GetRan());
    }
}

std::unique_ptr<Controller> Simulation::MakePolicy(const std::string& name) const
{
    return MakeBuiltInController(
        name,
        {.cells = m_scenario.cells.count,
         .slices = m_scenario.SliceConfigs(),
         .highPeriod = ns3::MilliSeconds(m_scenario.timing.highPeriod_ms)});
}

std::unique_ptr<Controller> Simulation::MakeController(const CommandLineOptions& options)
{
    if (options.agent.empty())
    {
        return MakePolicy(options.policy.value_or("static"));
    }
    CatchSignals(); // a learner is waited for
    const auto interrupted = [] { return SignalReceived() != 0; };
    if (IsNs3GymEndpoint(options.agent))
    {
        auto agent = MakeNs3GymAgent(options.agent, Describe(m_scenario), interrupted);
        m_reportFailure = std::move(agent.reportFailure);
        return std::move(agent.controller);
    }
    auto link = LinkOptionsFromEnvironment(options.agent, options.runId);
    link.interrupted = interrupted;
    if (!options.key.empty())
    {
        link.key = ReadSimulationKey(options.key);
    }
    DebugAccess debug{.network = *m_network,
                      .fork = [this](const ForkOrder& order) { return Fork(order); }};
    auto remote =
        std::make_unique<RemoteController>(std::move(link), Describe(m_scenario), std::move(debug));
    m_reportFailure = [agent = remote.get()](std::string_view reason)
    { agent->ReportFailure(reason); };
    if (options.policy)
    {
        return std::make_unique<WatchedController>(MakePolicy(*options.policy), std::move(remote));
    }
    return remote;
}

pid_t Simulation::Fork(const ForkOrder& order)
{
    if (order.forkOut && !m_recorder)
    {
        throw std::runtime_error("there are no records that a fork could go on with");
    }
    const pid_t process = ForkProcess(order.forkLog);
    if (process == 0 && m_recorder)
    {
        order.forkOut ? m_recorder->ContinueIn(*order.forkOut) : m_recorder->Mute();
    }
    return process;
}

/// Traffic begins once every UE can get it: before, packets would be lost unseen in the core.
void Simulation::AwaitConnections()
{
    if (m_network->GetRan().AllUesConnected())
    {
        Log("all UEs are connected, traffic begins");
        m_traffic->Enable();
        return;
    }
    ns3::Simulator::Schedule(ns3::MilliSeconds(1), &Simulation::AwaitConnections, this);
}

void Simulation::OnMeasurementStart()
{
    Log("warm-up is over, measurement begins");
    m_ledger->StartMeasurement();
    m_traffic->StartProfiles();
    m_summary->Start();
    if (m_recorder)
    {
        m_recorder->StartMeasurement();
    }
}

int Simulation::Run()
{
    try
    {
        StopSimulationOnSignals();
        AwaitConnections();
        m_loop->Start();
        ns3::Simulator::Run();
        if (m_recorder)
        {
            m_recorder->Finish();
        }
    }
    catch (const std::exception& error)
    {
        m_reportFailure(error.what());
        throw;
    }
    const int signal = SignalReceived();
    if (signal != 0)
    {
        m_reportFailure("the simulation was ended by signal " + std::to_string(signal));
    }
    Log(signal == 0 ? "the end" : "ended by signal " + std::to_string(signal));
    return signal;
}

std::string Simulation::SummaryText() const
{
    return m_summary->Text();
}

} // namespace slicebridge
