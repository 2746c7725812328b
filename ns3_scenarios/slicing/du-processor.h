// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_DU_PROCESSOR_H
#define SLICEBRIDGE_SLICING_DU_PROCESSOR_H

#include "ns3/event-id.h"
#include "ns3/nstime.h"
#include "ns3/packet.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

namespace slicebridge
{

/// Downlink processing of a cell's distributed unit, which slices share.
struct DuConfig
{
    double compute_bps{200.0e6};  ///< > 0
    uint32_t overhead_bytes{40};  ///< added to a packet's size when it is processed
    uint32_t queue_packets{2000}; ///< capacity per slice and cell, >= 1
};

/// A downlink packet on its way through a DU.
struct DuPacket
{
    ns3::Ptr<ns3::Packet> packet; ///< as it came to the DU
    uint32_t ue{};
    uint32_t bytes{}; ///< of the user's IP packet in it
    ns3::Time arrival;
    uint32_t number{}; ///< what its sender knows it by
};

/**
 * Downlink processing of one cell's distributed unit. Each slice has a first-in first-out queue,
 * served at its share of the DU's capacity; a share that a slice leaves unused is not lent.
 */
class DuProcessor
{
  public:
    using Output = std::function<void(DuPacket&&)>;

    /**
     * @param slices number of them; each begins with an equal share
     * @param processed gets each packet when its processing is complete
     * @param refused gets each packet that found its queue full
     */
    DuProcessor(const DuConfig& config, std::size_t slices, Output processed, Output refused);
    ~DuProcessor();
    DuProcessor(const DuProcessor&) = delete;
    DuProcessor& operator=(const DuProcessor&) = delete;

    /// Shares of the capacity in force from now on, also for packets being processed.
    void SetShares(std::span<const float> shares);

    void Enqueue(std::size_t slice, DuPacket&& packet);

    /// Put a packet that came before, to another DU, ahead of later ones of the same UE.
    void Insert(std::size_t slice, DuPacket&& packet);

    /// Take all packets of a UE out of a slice's queue, oldest first.
    std::vector<DuPacket> Remove(std::size_t slice, uint32_t ue);

    uint64_t ProcessedBits(std::size_t slice) const;
    /// Of users' IP packets in the queue, the one in processing included.
    uint64_t QueuedBytes(std::size_t slice) const;
    uint64_t QueuedBytes(std::size_t slice, uint32_t ue) const;
    /// Arrival of the oldest packet in the queue; Time::Max() if it is empty.
    ns3::Time OldestArrival(std::size_t slice) const;
    ns3::Time OldestArrival(std::size_t slice, uint32_t ue) const;

  private:
    struct Queue
    {
        std::deque<DuPacket> packets;
        double rate_bps{};
        double remaining_bits{}; ///< of the packet in front, as of `updated`
        ns3::Time updated;
        ns3::EventId completion;
        uint64_t processed_bits{};
        uint64_t bytes{};
        std::vector<uint64_t> ueBytes; ///< indexed by UE, grown as needed
    };

    double Work_bits(const DuPacket& packet) const;
    void Account(Queue& queue, const DuPacket& packet, bool added);
    void BeginFront(std::size_t slice);
    void ScheduleCompletion(std::size_t slice);
    void Complete(std::size_t slice);

    DuConfig m_config;
    std::vector<Queue> m_queues;
    Output m_processed;
    Output m_refused;
};

} // namespace slicebridge

#endif
