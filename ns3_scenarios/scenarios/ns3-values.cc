// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/ns3-values.h"

#include "scenarios/command-line.h"

#include "ns3/attribute.h"
#include "ns3/config.h"
#include "ns3/global-value.h"
#include "ns3/string.h"
#include "ns3/type-id.h"

#include <algorithm>

namespace slicebridge
{

namespace
{

[[noreturn]] void Refuse(const std::string& origin,
                         const std::string& message,
                         const std::string& allowed)
{
    throw UsageError(origin + ": " + message + " (allowed: " + allowed + ")");
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
    if (!ns3::Config::SetDefaultFailSafe(name, ns3::StringValue(value)))
    {
        Refuse(origin,
               "'" + value + "' does not fit",
               attribute.checker->HasUnderlyingTypeInformation()
                   ? attribute.checker->GetUnderlyingTypeInformation()
                   : attribute.checker->GetValueTypeName());
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
    if (!ns3::Config::SetGlobalFailSafe(name, ns3::StringValue(value)))
    {
        Refuse(origin, "'" + value + "' does not fit", "see --PrintGlobals");
    }
}

} // namespace slicebridge
