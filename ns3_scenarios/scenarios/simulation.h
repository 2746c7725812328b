// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_SIMULATION_H
#define SLICEBRIDGE_SCENARIOS_SIMULATION_H

#include "scenarios/command-line.h"
#include "scenarios/ran-attachment.h"
#include "scenarios/recorder.h"
#include "scenarios/remote-controller.h"
#include "scenarios/scenario.h"
#include "scenarios/summary.h"
#include "slicing/epoch-loop.h"
#include "traffic/traffic-network.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace slicebridge
{

/// What a learner is told of a scenario before the first step.
NetworkDescription Describe(const Scenario& scenario);

/**
 * One run of a scenario: wires network, traffic, packet ledger, controller and recorder. There is
 * one at a time in a process, since ns-3's simulator is one.
 */
class Simulation
{
  public:
    /**
     * Builds everything, and says hello to the learner if there is one. The record directory is
     * made last, so that nothing is left behind by what is refused.
     * @throws UsageError, std::invalid_argument if the scenario asks for what cannot be done
     * @throws LinkError if the learner cannot be reached or refuses
     */
    Simulation(Scenario scenario, const CommandLineOptions& options);
    ~Simulation();
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;

    /**
     * Simulates until the end of the scenario, of the learner's interest, or a signal.
     * @return the signal that stopped it, or 0
     */
    int Run();

    /// What was measured, as a table.
    std::string SummaryText() const;

  private:
    void BuildNetwork(const CommandLineOptions& options);
    void SetUserDefaults(const CommandLineOptions& options) const;
    void BuildTraffic();
    std::unique_ptr<Controller> MakePolicy(const std::string& name) const;
    std::unique_ptr<Controller> MakeController(const CommandLineOptions& options);
    /// In a decision epoch. @return 0 in the copy
    pid_t Fork(const ForkOrder& order);
    void AwaitConnections();
    void OnMeasurementStart();

    Scenario m_scenario;
    std::unique_ptr<RanAttachment> m_network;
    std::unique_ptr<PacketLedger> m_ledger;
    std::unique_ptr<TrafficNetwork> m_traffic;
    std::unique_ptr<Summary> m_summary;
    std::unique_ptr<Controller> m_controller;
    /// Tells the agent behind m_controller; nobody if there is none.
    std::function<void(std::string_view)> m_reportFailure{[](std::string_view) {}};
    std::unique_ptr<Recorder> m_recorder;
    std::unique_ptr<EpochLoop> m_loop;
};

} // namespace slicebridge

#endif
