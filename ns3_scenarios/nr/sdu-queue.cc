// SPDX-License-Identifier: GPL-2.0-only
#include "nr/sdu-queue.h"

#include <algorithm>
#include <utility>

namespace slicebridge::nr
{

SduQueue::SduQueue(uint32_t capacity_bytes)
    : m_capacity_bytes(capacity_bytes),
      m_ring(8)
{
}

bool SduQueue::Push(ns3::Ptr<ns3::Packet> packet, uint32_t bytes, int64_t now_ns, uint32_t number)
{
    if (PendingBytes() + bytes > m_capacity_bytes)
    {
        return false;
    }
    if (m_next - m_first == m_ring.size())
    {
        Grow();
    }
    At(m_next) = {.packet = std::move(packet),
                  .begin = m_end,
                  .arrival_ns = now_ns,
                  .bytes = bytes,
                  .number = number};
    m_end += bytes;
    if (m_next++ == m_firstUnsent)
    {
        FindHead();
    }
    return true;
}

void SduQueue::Grow()
{
    std::vector<Sdu> larger(2 * m_ring.size());
    for (uint32_t number = m_first; number != m_next; ++number)
    {
        larger[number & (larger.size() - 1)] = std::move(At(number));
    }
    m_ring = std::move(larger);
}

ByteRange SduQueue::Take(uint32_t room_bytes,
                         uint32_t headerBytes,
                         int64_t now_ns,
                         SduVisitor completed)
{
    const uint64_t begin = m_sent;
    while (m_firstUnsent != m_next && room_bytes > headerBytes)
    {
        room_bytes -= headerBytes;
        auto& sdu = At(m_firstUnsent);
        if (sdu.firstSent_ns < 0)
        {
            sdu.firstSent_ns = now_ns;
        }
        const uint64_t left = sdu.begin + sdu.bytes - m_sent;
        const uint64_t taken = std::min<uint64_t>(left, room_bytes);
        m_sent += taken;
        room_bytes -= static_cast<uint32_t>(taken);
        if (taken == left)
        {
            ++m_firstUnsent;
            completed(sdu);
        }
    }
    FindHead();
    return {begin, m_sent};
}

/// Every slot asks for the head of every queue: it is kept where it needs no look into the ring.
void SduQueue::FindHead()
{
    const bool some = m_firstUnsent != m_next;
    m_head_ns = some ? At(m_firstUnsent).arrival_ns : -1;
    m_headWhole = some && At(m_firstUnsent).firstSent_ns < 0;
}

/// Number of the SDU that holds a byte that was sent, or the oldest one if it is gone already.
uint32_t SduQueue::NumberAt(uint64_t byte) const
{
    uint32_t low = m_first;
    uint32_t high = m_firstUnsent == m_next ? m_next : m_firstUnsent + 1;
    while (high - low > 1)
    {
        const uint32_t middle = low + (high - low) / 2;
        (At(middle).begin <= byte ? low : high) = middle;
    }
    return low;
}

void SduQueue::OnReceived(ByteRange range, SduVisitor delivered)
{
    uint64_t next = 0;
    for (uint32_t number = NumberAt(range.begin); number != m_next && next < range.end; ++number)
    {
        auto& sdu = At(number);
        next = sdu.begin + sdu.bytes;
        const uint64_t from = std::max(range.begin, sdu.begin);
        const uint64_t to = std::min(range.end, next);
        if (to <= from)
        {
            continue;
        }
        sdu.received += static_cast<uint32_t>(to - from);
        if (sdu.received == sdu.bytes && !sdu.settled)
        {
            sdu.settled = true;
            delivered(sdu);
            sdu.packet = nullptr;
        }
    }
    PopSettled();
}

void SduQueue::OnLost(ByteRange range, SduVisitor lost)
{
    uint64_t next = 0;
    for (uint32_t number = NumberAt(range.begin); number != m_next && next < range.end; ++number)
    {
        auto& sdu = At(number);
        next = sdu.begin + sdu.bytes;
        if (next > range.begin && sdu.begin < range.end && !sdu.settled)
        {
            sdu.settled = true;
            lost(sdu);
            sdu.packet = nullptr;
        }
    }
    PopSettled();
}

void SduQueue::PopSettled()
{
    while (m_first != m_firstUnsent && At(m_first).settled)
    {
        ++m_first;
    }
}

void SduQueue::Discard(int64_t arrivedBefore_ns, SduVisitor dropped)
{
    while (m_firstUnsent != m_next)
    {
        auto& sdu = At(m_firstUnsent);
        if (sdu.arrival_ns >= arrivedBefore_ns || sdu.firstSent_ns >= 0)
        {
            break;
        }
        sdu.settled = true;
        dropped(sdu);
        sdu.packet = nullptr;
        m_sent = sdu.begin + sdu.bytes;
        ++m_firstUnsent;
    }
    FindHead();
    PopSettled();
}

} // namespace slicebridge::nr
