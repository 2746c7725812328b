// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_NS3_LOG_H
#define SLICEBRIDGE_SCENARIOS_NS3_LOG_H

#include <string>

namespace slicebridge
{

/**
 * Turn on a log component of ns-3; what it says goes to standard error, each line with simulated
 * time, node and function.
 * @param choice "COMPONENT=LEVEL", with or without "ns3::" before; LEVEL and all that is weightier
 * is shown: error, warn, info, function, logic, debug, all (all there is)
 * @throws UsageError
 */
void EnableNs3Log(const std::string& choice);

} // namespace slicebridge

#endif
