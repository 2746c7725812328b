// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_DU_QUEUE_H
#define SLICEBRIDGE_SLICING_DU_QUEUE_H

#include "ns3/nstime.h"
#include "ns3/packet.h"

#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <utility>
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
 *
 * It has no events: whoever owns it says how far time has come. Before anything else is asked or
 * done at a time, Advance() takes out what was complete by then.
 */
class DuQueue
{
  public:
    static constexpr int64_t NEVER = std::numeric_limits<int64_t>::max();

    /// @param slices number of them; each begins with an equal share
    DuQueue(const DuConfig& config, std::size_t slices);

    /// Shares of the capacity in force from now on, also for packets being processed.
    void SetShares(std::span<const float> shares, int64_t now_ns);

    /// @return false if the queue is full; the packet is left as it was
    bool Enqueue(std::size_t slice, DuPacket&& packet, int64_t now_ns);

    /**
     * Put a packet that came before, to another DU, ahead of later ones of the same UE.
     * @return as Enqueue
     */
    bool Insert(std::size_t slice, DuPacket&& packet, int64_t now_ns);

    /// Take all packets of a UE out of a slice's queue, oldest first.
    std::vector<DuPacket> Remove(std::size_t slice, uint32_t ue, int64_t now_ns);

    /// When the packet in front will be complete, with the present shares; NEVER without one.
    int64_t NextCompletion_ns(std::size_t slice) const
    {
        return m_queues[slice].completion_ns;
    }

    /// Hands over what is complete before a time, in order: `processed(DuPacket&&, complete_ns)`.
    template <typename Processed>
    void Advance(std::size_t slice, int64_t before_ns, const Processed& processed)
    {
        while (m_queues[slice].completion_ns < before_ns)
        {
            const int64_t complete_ns = m_queues[slice].completion_ns;
            processed(TakeFront(slice), complete_ns);
        }
    }

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
        double remaining_bits{}; ///< of the packet in front, as of `updated_ns`
        int64_t updated_ns{};
        int64_t completion_ns{NEVER}; ///< of the packet in front
        uint64_t processed_bits{};
        uint64_t bytes{};
        std::vector<uint64_t> ueBytes; ///< indexed by UE, grown as needed
    };

    double Work_bits(const DuPacket& packet) const;
    void Account(Queue& queue, const DuPacket& packet, bool added);
    void BeginFront(Queue& queue, int64_t now_ns);
    DuPacket TakeFront(std::size_t slice);

    DuConfig m_config;
    std::vector<Queue> m_queues;
};

} // namespace slicebridge

#endif
