// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_SDU_QUEUE_H
#define SLICEBRIDGE_NR_SDU_QUEUE_H

#include "ns3/packet.h"

#include <concepts>
#include <cstdint>
#include <memory>
#include <vector>

namespace slicebridge::nr
{

/// Bytes [begin, end) of a UE's downlink byte stream; what a transport block carries.
struct ByteRange
{
    uint64_t begin{};
    uint64_t end{};

    uint64_t Size() const
    {
        return end - begin;
    }
};

/// One RLC SDU from its arrival until its fate is settled.
struct Sdu
{
    ns3::Ptr<ns3::Packet> packet;
    uint64_t begin{}; ///< in the byte stream
    int64_t arrival_ns{};
    int64_t firstSent_ns{-1};
    uint32_t bytes{};
    uint32_t number{}; ///< what its sender knows it by
    uint32_t received{};
    bool settled{false}; ///< delivered, lost or dropped
};

/// Refers to what a caller wants done with SDUs, for the time of the call: a std::function would
/// allocate in every slot.
class SduVisitor
{
  public:
    template <std::invocable<const Sdu&> Function>
    SduVisitor(const Function& function)
        : m_function(std::addressof(function)),
          m_call([](const void* object, const Sdu& sdu)
                 { (*static_cast<const Function*>(object))(sdu); })
    {
    }

    void operator()(const Sdu& sdu) const
    {
        m_call(m_function, sdu);
    }

  private:
    const void* m_function;
    void (*m_call)(const void*, const Sdu&);
};

/**
 * RLC-UM-like queue of one UE. Packets stay whole: what a transport block carries is a range of
 * the byte stream, so that segmentation and reassembly cost an addition. Unacknowledged: an SDU
 * of which any part is lost is lost. SDUs are kept in one ring that only grows.
 */
class SduQueue
{
  public:
    /// @param capacity_bytes an SDU that would make more than this wait is refused
    explicit SduQueue(uint32_t capacity_bytes);

    /**
     * @param number what the sender knows the packet by
     * @return false if there is no room
     */
    bool Push(ns3::Ptr<ns3::Packet> packet, uint32_t bytes, int64_t now_ns, uint32_t number = 0);

    /// Bytes that have not been sent.
    uint64_t PendingBytes() const
    {
        return m_end - m_sent;
    }

    /// SDUs of which something has not been sent.
    uint32_t PendingSdus() const
    {
        return m_next - m_firstUnsent;
    }

    /// Arrival of the oldest SDU that waits, or -1.
    int64_t HeadArrival_ns() const
    {
        return m_head_ns;
    }

    /// Whether Discard() has something to drop.
    bool HasExpired(int64_t arrivedBefore_ns) const
    {
        return m_headWhole && m_head_ns < arrivedBefore_ns;
    }

    /**
     * Take the next bytes for a transport block.
     * @param room_bytes of the block
     * @param headerBytes that each SDU or segment costs
     * @param completed called with each SDU whose last byte leaves with this block
     */
    ByteRange Take(uint32_t room_bytes, uint32_t headerBytes, int64_t now_ns, SduVisitor completed);

    /// A block arrived: `delivered` is called with each SDU that is now complete.
    void OnReceived(ByteRange range, SduVisitor delivered);

    /// A block is lost for good, and so are its SDUs: `lost` is called with each.
    void OnLost(ByteRange range, SduVisitor lost);

    /**
     * Drop SDUs from the head that nothing was sent of and that arrived before a time.
     * @param dropped called with each
     */
    void Discard(int64_t arrivedBefore_ns, SduVisitor dropped);

  private:
    Sdu& At(uint32_t number)
    {
        return m_ring[number & (m_ring.size() - 1)];
    }

    const Sdu& At(uint32_t number) const
    {
        return m_ring[number & (m_ring.size() - 1)];
    }

    uint32_t NumberAt(uint64_t byte) const;
    void Grow();
    void PopSettled();
    void FindHead();

    uint64_t m_sent{};        ///< bytes sent so far
    uint64_t m_end{};         ///< bytes arrived so far
    int64_t m_head_ns{-1};    ///< arrival of the oldest SDU that waits, -1 if there is none
    bool m_headWhole{false};  ///< nothing of it was sent
    uint32_t m_firstUnsent{}; ///< first SDU of which something has not been sent
    uint32_t m_next{};        ///< number of the next SDU
    uint32_t m_first{};       ///< oldest SDU that is not settled
    uint32_t m_capacity_bytes;
    std::vector<Sdu> m_ring; ///< a power of two; SDU n at n modulo its size
};

} // namespace slicebridge::nr

#endif
