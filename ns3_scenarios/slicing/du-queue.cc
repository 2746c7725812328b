// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/du-queue.h"

#include <algorithm>
#include <cmath>

namespace slicebridge
{

namespace
{

/// When so many bits are done at a rate. A share too small to finish within ns-3's time range is
/// none.
int64_t Completion_ns(double bits, double rate_bps, int64_t now_ns)
{
    constexpr double NEVER_S = 1e6;
    const double wait_s = rate_bps > 0.0 ? bits / rate_bps : NEVER_S;
    return wait_s < NEVER_S ? now_ns + static_cast<int64_t>(std::ceil(wait_s * 1e9))
                            : DuQueue::NEVER;
}

} // namespace

DuQueue::DuQueue(const DuConfig& config, std::size_t slices)
    : m_config{config},
      m_queues(slices)
{
    for (auto& queue : m_queues)
    {
        queue.rate_bps = config.compute_bps / static_cast<double>(slices);
    }
}

double DuQueue::Work_bits(const DuPacket& packet) const
{
    return 8.0 * (packet.bytes + m_config.overhead_bytes);
}

void DuQueue::Account(Queue& queue, const DuPacket& packet, bool added)
{
    if (packet.ue >= queue.ueBytes.size())
    {
        queue.ueBytes.resize(packet.ue + 1);
    }
    const uint64_t change = added ? packet.bytes : -static_cast<uint64_t>(packet.bytes);
    queue.bytes += change;
    queue.ueBytes[packet.ue] += change;
}

void DuQueue::SetShares(std::span<const float> shares, int64_t now_ns)
{
    for (std::size_t slice = 0; slice < m_queues.size(); ++slice)
    {
        auto& queue = m_queues[slice];
        const double done = static_cast<double>(now_ns - queue.updated_ns) * 1e-9 * queue.rate_bps;
        queue.rate_bps = m_config.compute_bps * shares[slice];
        if (!queue.packets.empty())
        {
            queue.remaining_bits = std::max(0.0, queue.remaining_bits - done);
            queue.updated_ns = now_ns;
            queue.completion_ns = Completion_ns(queue.remaining_bits, queue.rate_bps, now_ns);
        }
    }
}

bool DuQueue::Enqueue(std::size_t slice, DuPacket&& packet, int64_t now_ns)
{
    auto& queue = m_queues[slice];
    if (queue.packets.size() >= m_config.queue_packets)
    {
        return false;
    }
    Account(queue, packet, true);
    queue.packets.push_back(std::move(packet));
    if (queue.packets.size() == 1)
    {
        BeginFront(queue, now_ns);
    }
    return true;
}

bool DuQueue::Insert(std::size_t slice, DuPacket&& packet, int64_t now_ns)
{
    auto& packets = m_queues[slice].packets;
    if (packets.empty() || packets.size() >= m_config.queue_packets)
    {
        return Enqueue(slice, std::move(packet), now_ns);
    }
    Account(m_queues[slice], packet, true);
    // The one in front is being processed.
    const auto later = std::find_if(
        packets.begin() + 1,
        packets.end(),
        [&](const auto& other) { return other.ue == packet.ue && other.arrival > packet.arrival; });
    packets.insert(later, std::move(packet));
    return true;
}

void DuQueue::BeginFront(Queue& queue, int64_t now_ns)
{
    queue.completion_ns = NEVER;
    if (!queue.packets.empty())
    {
        queue.remaining_bits = Work_bits(queue.packets.front());
        queue.updated_ns = now_ns;
        queue.completion_ns = Completion_ns(queue.remaining_bits, queue.rate_bps, now_ns);
    }
}

DuPacket DuQueue::TakeFront(std::size_t slice)
{
    auto& queue = m_queues[slice];
    DuPacket packet = std::move(queue.packets.front());
    queue.packets.pop_front();
    Account(queue, packet, false);
    queue.processed_bits += static_cast<uint64_t>(Work_bits(packet));
    BeginFront(queue, queue.completion_ns);
    return packet;
}

std::vector<DuPacket> DuQueue::Remove(std::size_t slice, uint32_t ue, int64_t now_ns)
{
    auto& queue = m_queues[slice];
    std::vector<DuPacket> removed;
    if (QueuedBytes(slice, ue) == 0)
    {
        return removed;
    }
    const bool front = queue.packets.front().ue == ue;
    std::deque<DuPacket> kept;
    for (auto& packet : queue.packets)
    {
        if (packet.ue == ue)
        {
            Account(queue, packet, false);
            removed.push_back(std::move(packet));
        }
        else
        {
            kept.push_back(std::move(packet));
        }
    }
    queue.packets = std::move(kept);
    if (front)
    {
        BeginFront(queue, now_ns);
    }
    return removed;
}

uint64_t DuQueue::ProcessedBits(std::size_t slice) const
{
    return m_queues[slice].processed_bits;
}

uint64_t DuQueue::QueuedBytes(std::size_t slice) const
{
    return m_queues[slice].bytes;
}

uint64_t DuQueue::QueuedBytes(std::size_t slice, uint32_t ue) const
{
    const auto& bytes = m_queues[slice].ueBytes;
    return ue < bytes.size() ? bytes[ue] : 0;
}

ns3::Time DuQueue::OldestArrival(std::size_t slice) const
{
    const auto& packets = m_queues[slice].packets;
    return packets.empty() ? ns3::Time::Max() : packets.front().arrival;
}

ns3::Time DuQueue::OldestArrival(std::size_t slice, uint32_t ue) const
{
    if (QueuedBytes(slice, ue) == 0)
    {
        return ns3::Time::Max();
    }
    const auto& packets = m_queues[slice].packets;
    return std::ranges::find(packets, ue, &DuPacket::ue)->arrival;
}

} // namespace slicebridge
