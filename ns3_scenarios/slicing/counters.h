// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_COUNTERS_H
#define SLICEBRIDGE_SLICING_COUNTERS_H

#include <array>
#include <cstdint>

namespace slicebridge
{

/**
 * Running totals of one slice in one cell since the start of the simulation. A KPM is the
 * difference of two snapshots (see kpm-table.h), so nothing is ever reset and every window length
 * is exact. "TTI" is 1 ms on LTE and one slot on NR.
 */
struct SliceCounters
{
    // MAC and PHY, downlink, counted in the cell that transmits.
    uint64_t prbUsed{}; ///< PRB x TTI given to the slice, first transmissions and repetitions
    uint64_t prbRetx{}; ///< thereof repetitions
    uint64_t prbRetxOverCap{};      ///< thereof above the slice's cap; none on NR
    uint64_t prbAvailable{};        ///< PRB x TTI allocatable in the cell (the same for each slice)
    uint64_t tb{};                  ///< transport blocks sent (TB.TotNbrDl), repetitions included
    uint64_t tbError{};             ///< thereof received in error (TB.ErrTotNbrDl)
    std::array<uint64_t, 16> cqi{}; ///< wideband CQI reports by value
    std::array<uint64_t, 32> mcs{}; ///< PRB x TTI by MCS index, repetitions included; per layer
    double energy_j{};              ///< radiated for the slice's PRBs
    double powerBudget_j{};         ///< cell power budget x time (the same for each slice)

    // RLC and PDCP, downlink, counted in the cell that serves the UE.
    uint64_t pdcpSduBits{};   ///< PDCP SDU volume handed to the RLC
    uint64_t rlcSdu{};        ///< RLC SDUs whose transmission was completed
    double rlcSduDelay_ms{};  ///< sum over them: arrival at the RLC until last part left
    uint64_t rlcSduDropped{}; ///< RLC SDUs discarded before any part was sent
    uint64_t airSdu{};        ///< SDUs received at the UE
    double airDelay_ms{};     ///< sum over them: first part sent until received
    uint64_t burstBits{};     ///< volume sent while a UE had a burst (TS 28.552 5.1.1.3.1)
    double burstTime_ms{};    ///< time of those bursts, summed over UEs
    double activeUeTime_ms{}; ///< time with data in the buffer, summed over UEs

    // DU processing queue.
    uint64_t duBits{};      ///< processed
    double duBudget_bits{}; ///< capacity of the DU x time (the same for each slice)

    // End to end, from the traffic source to the UE application. A packet counts in the cell that
    // served its UE when it was sent, so that sent = delivered + dropped + queued in each cell.
    uint64_t packetsSent{};
    uint64_t packetsDelivered{};
    uint64_t packetsDroppedQueue{}; ///< refused or discarded by a queue (DU, RLC, PDCP)
    uint64_t packetsLostAir{};      ///< sent over the air, never complete at the UE
    uint64_t packetsLate{};         ///< delivered after the SLA's delay budget
    uint64_t bytesSent{};
    uint64_t bytesDelivered{};
    double packetDelay_ms{}; ///< sum over delivered packets

    // Now, not totals.
    uint64_t packetsQueued{}; ///< on their way
    uint64_t bufferBytes{};   ///< in the RLC and DU queues
    double holDelay_ms{};     ///< age of the oldest packet in them, 0 if none
    uint32_t ues{};           ///< served now
};

/// Running totals of one UE, with its present state.
struct UeCounters
{
    int32_t cell{-1};     ///< index of the serving cell, -1 if not connected
    uint64_t bytesSent{}; ///< offered by the source
    uint64_t bytesDelivered{};
    uint64_t packetsSent{};
    uint64_t packetsDelivered{};
    uint64_t packetsLost{};
    uint64_t packetsLate{};
    double packetDelay_ms{};
    uint64_t prbUsed{};
    uint64_t tb{};
    uint64_t tbError{};

    uint64_t bufferBytes{};      ///< now
    double holDelay_ms{};        ///< now
    double ewmaThroughput_bps{}; ///< served rate as the scheduler averages it
    double timeSinceServed_ms{}; ///< since the last transport block
    uint8_t cqi{};               ///< last wideband CQI, 0 to 15
    double spectralEfficiency{}; ///< bit/s/Hz of that CQI
    double weight{1.0};          ///< in force
    double powerOffset_db{};     ///< in force
};

} // namespace slicebridge

#endif
