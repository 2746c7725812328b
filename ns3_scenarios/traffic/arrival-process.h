// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_ARRIVAL_PROCESS_H
#define SLICEBRIDGE_TRAFFIC_ARRIVAL_PROCESS_H

#include "traffic/traffic-config.h"

#include <cstdint>
#include <memory>

namespace slicebridge
{

/// When packets or files of one UE arrive, at load factor one.
class ArrivalProcess
{
  public:
    virtual ~ArrivalProcess() = default;

    /// Time from the last arrival (at first: from the start) to the next, in seconds, >= 0.
    virtual double NextGap_s() = 0;
};

/// The process of a traffic model for one UE. On-off traffic has that of its on time.
std::unique_ptr<ArrivalProcess> MakeArrivalProcess(const TrafficConfig& config, uint32_t ue);

} // namespace slicebridge

#endif
