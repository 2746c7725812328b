// SPDX-License-Identifier: GPL-2.0-only
//
// Simulates the sliced cells of one scenario under a built-in policy or a remote learner.
#include "cosim/heart.h"
#include "cosim/link.h"
#include "scenarios/command-line.h"
#include "scenarios/fork-server.h"
#include "scenarios/interrupt.h"
#include "scenarios/prepared-tables.h"
#include "scenarios/scenario.h"
#include "scenarios/simulation.h"
#include "scenarios/versions.h"

#include "ns3/command-line.h"

#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

using namespace slicebridge;

namespace
{

/// Exit codes of docs/protocol.md.
constexpr int OK = 0;
constexpr int BAD_INPUT = 2;
constexpr int FAILED = 5;
constexpr int SIGNAL_BASE = 128;

/// ns-3 answers such questions itself, and exits.
void AnswerNs3Questions(const std::vector<std::string>& questions)
{
    std::vector<std::string> arguments{"ran-slicing"};
    arguments.insert(arguments.end(), questions.begin(), questions.end());
    ns3::CommandLine().Parse(arguments);
}

void PrintVersions()
{
    std::cout << "ran-slicing";
    const auto versions = Versions();
    for (const auto& [name, version] : versions.items())
    {
        std::cout << ' ' << name << ' '
                  << (version.is_string() ? version.get<std::string>() : version.dump());
    }
    std::cout << std::endl;
}

int Simulate(Scenario scenario, const CommandLineOptions& options)
{
    std::optional<Heart> parentWatch;
    if (options.agent.empty() || IsNs3GymEndpoint(options.agent)) // else the link watches
    {
        parentWatch.emplace(std::chrono::seconds(1), ParentFromEnvironment(), [] {});
    }
    Simulation simulation(std::move(scenario), options);
    const int signal = simulation.Run();
    std::cout << simulation.SummaryText() << std::flush;
    return signal == 0 ? OK : SIGNAL_BASE + signal;
}

int Obey(const CommandLineOptions& options)
{
    if (!options.ns3Questions.empty())
    {
        AnswerNs3Questions(options.ns3Questions);
        return OK;
    }
    if (options.help)
    {
        std::cout << HelpText();
        return OK;
    }
    if (options.version)
    {
        PrintVersions();
        return OK;
    }
    Scenario scenario = LoadScenario(options.scenario);
    scenario.seed = options.seed.value_or(scenario.seed);
    if (options.schema)
    {
        std::cout << SchemaJson(Describe(scenario)).dump() << std::endl;
        return OK;
    }
    return Simulate(std::move(scenario), options);
}

/// One line per message, whatever is in it.
int Fail(const std::exception& error, int exitCode)
{
    std::cerr << "ran-slicing: " << error.what() << std::endl;
    return exitCode;
}

int RunProgram(const std::vector<std::string>& arguments)
{
    try
    {
        const auto options = ParseCommandLine(arguments);
        if (options.serve)
        {
            PrepareTables();
            return ServeForks(&RunProgram);
        }
        return Obey(options);
    }
    catch (const UsageError& error)
    {
        return Fail(error, BAD_INPUT);
    }
    catch (const ScenarioError& error)
    {
        std::cerr << error.what() << std::endl;
        return BAD_INPUT;
    }
    catch (const std::invalid_argument& error)
    {
        return Fail(error, BAD_INPUT);
    }
    catch (const LinkError& error)
    {
        const int signal = SignalReceived();
        return Fail(error, signal == 0 ? error.ExitCode() : SIGNAL_BASE + signal);
    }
    catch (const std::exception& error)
    {
        return Fail(error, FAILED);
    }
}

} // namespace

int main(int argc, char* argv[])
{
    return RunProgram({argv + 1, argv + argc});
}
