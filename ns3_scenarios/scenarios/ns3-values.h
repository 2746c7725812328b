// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_NS3_VALUES_H
#define SLICEBRIDGE_SCENARIOS_NS3_VALUES_H

#include <string>

namespace slicebridge
{

/**
 * Set the default of an ns-3 attribute, or a global value.
 * @param name "ns3::Class::Attribute", or that of a global value
 * @param value as text
 * @param origin where it was asked for, named first in errors
 * @throws UsageError if there is no such attribute, or the value does not fit it
 */
void SetNs3Value(const std::string& name, const std::string& value, const std::string& origin);

} // namespace slicebridge

#endif
