// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/ns3-values.h"

#include "scenarios/command-line.h"

#include "ns3/attribute.h"
#include "ns3/config.h"
#include "ns3/global-value.h"
#include "ns3/string.h"
#include "ns3/type-id.h"

#include <algorithm>
#include <exception>
#include <iostream>
#include <unistd.h>

namespace slicebridge
{

namespace
{

std::string Line(const std::string& origin, const std::string& message, const std::string& allowed)
{
    return origin + ": " + message + " (allowed: " + allowed + ")";
}

[[noreturn]] void Refuse(const std::string& origin,
                         const std::string& message,
                         const std::string& allowed)
{
    throw UsageError(Line(origin, message, allowed));
}

/// What is said if ns-3 ends the process in the middle of reading a value.
std::string g_lastWords;

[[noreturn]] void SayLastWords()
{
    constexpr int BAD_INPUT = 2;
    [[maybe_unused]] const auto written =
        write(STDERR_FILENO, g_lastWords.data(), g_lastWords.size());
    _exit(BAD_INPUT);
}

/**
 * While one lives, ns-3's way of refusing a number that it cannot read, which is to terminate the
 * process, ends in one line and exit code 2 like any other mistake in a scenario.
 */
class FatalErrorInOneLine
{
  public:
    explicit FatalErrorInOneLine(const std::string& line)
        : m_stream(std::cerr.rdbuf(nullptr)),
          m_handler(std::set_terminate(&SayLastWords))
    {
        g_lastWords = "ran-slicing: " + line + "\n";
    }

    ~FatalErrorInOneLine()
    {
        std::set_terminate(m_handler);
        std::cerr.rdbuf(m_stream);
    }

    FatalErrorInOneLine(const FatalErrorInOneLine&) = delete;
    FatalErrorInOneLine& operator=(const FatalErrorInOneLine&) = delete;

  private:
    std::streambuf* m_stream;
    std::terminate_handler m_handler;
};

std::string Allowed(const ns3::AttributeChecker& checker)
{
    return checker.HasUnderlyingTypeInformation() ? checker.GetUnderlyingTypeInformation()
                                                  : checker.GetValueTypeName();
}

void SetAttribute(const std::string& name, const std::string& value, const std::string& origin)
{
    const auto colons = name.rfind("::");
    const auto className = name.substr(0, colons);
    const auto attributeName = name.substr(colons + 2);
    ns3::TypeId type;
    if (!ns3::TypeId::LookupByNameFailSafe(className, &type))
    {
        Refuse(origin, "ns-3 has no class " + className, "see --PrintTypeIds");
    }
    ns3::TypeId::AttributeInformation attribute;
    if (!type.LookupAttributeByName(attributeName, &attribute))
    {
        Refuse(origin,
               className + " has no attribute " + attributeName,
               "see --PrintAttributes=" + className);
    }
    const auto misfit = Line(origin, "'" + value + "' does not fit", Allowed(*attribute.checker));
    const FatalErrorInOneLine guard(misfit);
    if (!ns3::Config::SetDefaultFailSafe(name, ns3::StringValue(value)))
    {
        throw UsageError(misfit);
    }
}

} // namespace

void SetNs3Value(const std::string& name, const std::string& value, const std::string& origin)
{
    if (name.starts_with("ns3::"))
    {
        SetAttribute(name, value, origin);
        return;
    }
    if (name == "RngRun" || name == "RngSeed")
    {
        Refuse(origin, "would be overruled by the scenario's seed", "--seed");
    }
    const bool known =
        std::any_of(ns3::GlobalValue::Begin(),
                    ns3::GlobalValue::End(),
                    [&name](const ns3::GlobalValue* global) { return global->GetName() == name; });
    if (!known)
    {
        Refuse(origin, "ns-3 has no global value " + name, "see --PrintGlobals");
    }
    const auto misfit = Line(origin, "'" + value + "' does not fit", "see --PrintGlobals");
    const FatalErrorInOneLine guard(misfit);
    if (!ns3::Config::SetGlobalFailSafe(name, ns3::StringValue(value)))
    {
        throw UsageError(misfit);
    }
}

} // namespace slicebridge
