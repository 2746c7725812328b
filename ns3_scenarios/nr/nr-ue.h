// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_NR_UE_H
#define SLICEBRIDGE_NR_NR_UE_H

#include "nr/sdu-queue.h"
#include "slicing/counters.h"

#include "ns3/random-variable-stream.h"

#include <cstdint>
#include <vector>

namespace slicebridge::nr
{

/// What the network knows of one UE.
struct alignas(64) NrUe
{
    NrUe(uint32_t sliceId, uint32_t buffer_bytes)
        : slice(sliceId),
          queue(buffer_bytes)
    {
    }

    // What every slot reads of a UE with data comes first, so that it lies in two lines of the
    // cache.
    uint32_t slice;
    float weight{1.0F};
    int64_t nextReport{};        ///< first slot that can use a newer report
    double averageRate_bps{1.0}; ///< as of averageSlot
    int64_t averageSlot{};
    int64_t servedSlot{};
    float bestRate_bps{}; ///< of reportedRate_bps
    uint8_t busyProcesses{};
    bool listed{false}; ///< in the cell's list of backlogged UEs
    SduQueue queue;
    std::vector<float>
        reportedRate_bps; ///< [rbg], at the reported CQI; the last once more, for pairs

    // The rest of the channel state as last reported, and the outer loop on top of it.
    std::vector<float> reportedSinr_db; ///< [rbg], quantised to CQI steps
    int64_t reportSlot{-1};             ///< slot in which it was measured, -1: never
    float meanSinr_db{};                ///< of reportedSinr_db
    float bestSinr_db{};                ///< of reportedSinr_db
    double outerLoop_db{};
    double outerLoopDebt_db{}; ///< of successes to come, for errors that did not lower the loop
    uint32_t outerLoopDowns{}; ///< how often the loop was lowered

    float powerOffset_db{};
    float powerFactor{1.0F};                          ///< powerOffset_db, linear
    ns3::Ptr<ns3::UniformRandomVariable> blockErrors; ///< a stream of its own

    // Accounting.
    UeCounters counters;
    int64_t activeSince_ns{-1}; ///< start of the present backlog, -1 if there is none
    int64_t burstMark_ns{};     ///< up to here the burst's time is accounted
};

} // namespace slicebridge::nr

#endif
