// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/command-line.h"

#include "slicing/builtin-controllers.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>

namespace slicebridge
{

namespace
{

using Setter = std::function<void(CommandLineOptions&, const std::string& value)>;

std::string PolicyNames()
{
    std::string names;
    for (const auto name : BuiltInControllerNames())
    {
        names += (names.empty() ? "" : ", ") + std::string(name);
    }
    return names;
}

bool IsPolicy(const std::string& name)
{
    const auto names = BuiltInControllerNames();
    return std::find(names.begin(), names.end(), name) != names.end();
}

uint32_t ReadSeed(const std::string& text)
{
    uint32_t seed = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, seed);
    if (error != std::errc{} || stop != end || seed == 0)
    {
        throw UsageError("--seed: is '" + text + "' (allowed: 1 .. " +
                         std::to_string(std::numeric_limits<uint32_t>::max()) + ")");
    }
    return seed;
}

const std::map<std::string, Setter>& ValuedOptions()
{
    using Options = CommandLineOptions;
    static const std::map<std::string, Setter> options{
        {"--scenario", [](Options& o, const std::string& value) { o.scenario = value; }},
        {"--policy", [](Options& o, const std::string& value) { o.policy = value; }},
        {"--agent", [](Options& o, const std::string& value) { o.agent = value; }},
        {"--key", [](Options& o, const std::string& value) { o.key = value; }},
        {"--run-id", [](Options& o, const std::string& value) { o.runId = value; }},
        {"--log", [](Options& o, const std::string& value) { o.logs.push_back(value); }},
        {"--pcap", [](Options& o, const std::string& value) { o.pcap = value; }},
        {"--out", [](Options& o, const std::string& value) { o.out = value; }},
        {"--seed", [](Options& o, const std::string& value) { o.seed = ReadSeed(value); }}};
    return options;
}

/// True if `name` was an option without a value, which is then set.
bool TakeFlag(const std::string& name, CommandLineOptions& options)
{
    if (name == "--help" || name == "-h")
    {
        options.help = true;
    }
    else if (name == "--version")
    {
        options.version = true;
    }
    else if (name == "--schema")
    {
        options.schema = true;
    }
    else if (name == "--serve")
    {
        options.serve = true;
    }
    else
    {
        return false;
    }
    return true;
}

bool IsNs3Name(const std::string& name)
{
    return name.starts_with("--ns3::") || (name.size() > 2 && name[2] >= 'A' && name[2] <= 'Z');
}

void Check(const CommandLineOptions& options)
{
    if (options.help || options.version || options.serve || !options.ns3Questions.empty())
    {
        return;
    }
    if (options.scenario.empty())
    {
        throw UsageError("--scenario: is missing (allowed: a resolved scenario file; see --help)");
    }
    if (IsNs3GymEndpoint(options.agent) && !options.runId.empty())
    {
        throw UsageError("--run-id: is given with an ns3gym:// agent (allowed: without it)");
    }
    if (!IsNs3GymEndpoint(options.agent) && options.agent.empty() != options.runId.empty())
    {
        throw UsageError("--agent and --run-id: only one is given (allowed: both or none)");
    }
    if (!options.key.empty() && !options.agent.starts_with("tcp://"))
    {
        throw UsageError("--key: is given without a tcp:// agent (allowed: with one)");
    }
    if (IsNs3GymEndpoint(options.agent) && options.policy)
    {
        throw UsageError("--policy: is given with an ns3gym:// agent (allowed: one of them)");
    }
    if (options.policy && !IsPolicy(*options.policy))
    {
        throw UsageError("--policy: is '" + *options.policy + "' (allowed: " + PolicyNames() + ")");
    }
}

} // namespace

CommandLineOptions ParseCommandLine(const std::vector<std::string>& arguments)
{
    CommandLineOptions options;
    for (std::size_t i = 0; i < arguments.size(); ++i)
    {
        const std::string& argument = arguments[i];
        const auto equals = argument.find('=');
        const std::string name = argument.substr(0, equals);
        if (TakeFlag(argument, options))
        {
            continue;
        }
        if (name.starts_with("--Print"))
        {
            options.ns3Questions.push_back(argument);
            continue;
        }
        const auto valued = ValuedOptions().find(name);
        if (valued == ValuedOptions().end() && !IsNs3Name(name))
        {
            throw UsageError(name + ": is no option (allowed: see --help)");
        }
        if (equals == std::string::npos && i + 1 == arguments.size())
        {
            throw UsageError(name + ": has no value (allowed: see --help)");
        }
        const std::string value =
            equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1);
        if (valued == ValuedOptions().end())
        {
            options.ns3Values.emplace_back(name.substr(2), value);
            continue;
        }
        valued->second(options, value);
    }
    if (options.runId.empty() && !options.agent.empty() && !IsNs3GymEndpoint(options.agent))
    {
        const char* runId = std::getenv("SLICEBRIDGE_RUN_ID");
        options.runId = runId == nullptr ? "" : runId;
    }
    Check(options);
    return options;
}

bool IsNs3GymEndpoint(const std::string& endpoint)
{
    return endpoint.starts_with("ns3gym://");
}

std::string HelpText()
{
    return "Usage: ran-slicing --scenario FILE [options]\n"
           "\n"
           "Simulates the sliced cells of a resolved scenario (JSON, as `slicebridge run` writes "
           "it)\n"
           "under a built-in policy, or under a learner that waits at an endpoint.\n"
           "\n"
           "  --scenario FILE     what to simulate\n"
           "  --policy NAME       " +
           PolicyNames() +
           " (default: static)\n"
           "  --agent ENDPOINT    ask a learner in place of a policy, ipc://PATH or "
           "tcp://HOST:PORT;\n"
           "                      the token comes from the environment, SLICEBRIDGE_TOKEN;\n"
           "                      with --policy the learner watches while the policy decides;\n"
           "                      ns3gym://127.0.0.1:PORT: a client of ns3-gym (docs/ns3gym.md),\n"
           "                      without --run-id and token\n"
           "  --key FILE          simulation.key of `slicebridge keys`, for a learner on another "
           "host\n"
           "  --run-id ID         how the learner calls this run (default: the environment's\n"
           "                      SLICEBRIDGE_RUN_ID)\n"
           "  --log NAME=LEVEL    turn on an ns-3 log component up to error, warn, info, "
           "function,\n"
           "                      logic, debug or all, on standard error; may be repeated\n"
           "  --pcap DIR          capture the packets of links there (LTE, and NR with an IP "
           "core)\n"
           "  --out DIR           write records there (docs/records.md)\n"
           "  --seed N            ns-3 RngRun in place of the scenario's\n"
           "  --schema            print what a learner would be told of this scenario, and exit\n"
           "  --serve             fork simulations for the process at standard input\n"
           "                      (docs/fork-server.md)\n"
           "  --version           print versions, and exit\n"
           "  --help              print this, and exit\n"
           "\n"
           "ns-3 attributes and global values are set as in any ns-3 program, and explained "
           "likewise:\n"
           "  --ns3::Class::Attribute=VALUE  --GlobalName=VALUE\n"
           "  --PrintAttributes=TYPEID  --PrintTypeIds  --PrintGlobals\n"
           "\n"
           "Examples:\n"
           "  ran-slicing --scenario scenario.json --policy proportional\n"
           "  ran-slicing --scenario scenario.json --policy max-weight --seed 7 --out "
           "results/run7\n"
           "  ran-slicing --scenario scenario.json --ns3::LteAmc::AmcModel=PiroEW2010\n"
           "  ran-slicing --PrintAttributes=ns3::LteRlcUm\n"
           "\n"
           "Exit codes: 0 orderly end, 2 bad scenario or command line, 3 the learner is gone,\n"
           "4 protocol violation, 5 the simulation failed, 128 + n ended by signal n.\n";
}

} // namespace slicebridge
