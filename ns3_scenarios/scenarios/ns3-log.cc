// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/ns3-log.h"

#include "scenarios/command-line.h"

#include "ns3/log.h"

#include <map>

namespace slicebridge
{

namespace
{

const std::map<std::string, ns3::LogLevel>& Levels()
{
    static const std::map<std::string, ns3::LogLevel> levels{
        {"error", ns3::LOG_LEVEL_ERROR},
        {"warn", ns3::LOG_LEVEL_WARN},
        {"debug", ns3::LOG_LEVEL_DEBUG},
        {"info", ns3::LOG_LEVEL_INFO},
        {"function", ns3::LOG_LEVEL_FUNCTION},
        {"logic", ns3::LOG_LEVEL_LOGIC},
        {"all", ns3::LOG_LEVEL_ALL},
    };
    return levels;
}

} // namespace

void EnableNs3Log(const std::string& choice)
{
    const auto equals = choice.find('=');
    const auto level =
        equals == std::string::npos ? Levels().end() : Levels().find(choice.substr(equals + 1));
    if (level == Levels().end())
    {
        throw UsageError("--log: is '" + choice +
                         "' (allowed: COMPONENT=LEVEL with error, warn, info, function, logic, "
                         "debug or all)");
    }
    constexpr std::string_view NAMESPACE = "ns3::";
    std::string component = choice.substr(0, equals);
    if (component.starts_with(NAMESPACE))
    {
        component.erase(0, NAMESPACE.size());
    }
    const auto* components = ns3::LogComponent::GetComponentList();
    if (!components->contains(component))
    {
        throw UsageError("--log: ns-3 has no log component '" + component +
                         "' (allowed: what a source file of ns-3 defines, such as LteRlcUm)");
    }
    ns3::LogComponentEnable(component, level->second);
    ns3::LogComponentEnable(component, ns3::LOG_PREFIX_TIME);
    ns3::LogComponentEnable(component, ns3::LOG_PREFIX_NODE);
    ns3::LogComponentEnable(component, ns3::LOG_PREFIX_FUNC);
}

} // namespace slicebridge
