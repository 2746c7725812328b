// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_COMMAND_LINE_H
#define SLICEBRIDGE_SCENARIOS_COMMAND_LINE_H

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace slicebridge
{

/// A command line, a scenario or an ns-3 attribute that cannot be used. One line per mistake.
class UsageError : public std::runtime_error
{
  public:
    using std::runtime_error::runtime_error;
};

/// What ran-slicing was asked to do.
struct CommandLineOptions
{
    bool help{false};
    bool version{false};
    bool schema{false};
    bool serve{false};    ///< fork simulations for the process that started this one
    std::string scenario; ///< path of a resolved scenario
    std::optional<std::string>
        policy;        ///< built-in one that decides; none: the learner, or `static`
    std::string agent; ///< endpoint of a learner, who only watches if there is a policy
    std::string key;   ///< path of the key for a learner at tcp://; empty: none
    std::string runId;
    std::string out; ///< directory for records; empty: none
    std::optional<uint32_t> seed;
    /// ns-3 attributes and global values, "ns3::Class::Attribute" or "Name", with values.
    std::vector<std::pair<std::string, std::string>> ns3Values;
    std::vector<std::string> logs; ///< ns-3 log components to turn on, "COMPONENT=LEVEL"
    std::string pcap;              ///< directory for captured packets; empty: none
    /// ns-3's own questions, such as --PrintAttributes=ns3::LteAmc.
    std::vector<std::string> ns3Questions;
};

/**
 * Read a command line. Options are "--name value" or "--name=value".
 * @param arguments without the program's name
 * @throws UsageError
 */
CommandLineOptions ParseCommandLine(const std::vector<std::string>& arguments);

/// True for an endpoint of the ns3-gym dialect, "ns3gym://HOST:PORT".
bool IsNs3GymEndpoint(const std::string& endpoint);

/// Text of --help.
std::string HelpText();

} // namespace slicebridge

#endif
