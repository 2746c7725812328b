// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/du-processor.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace slicebridge
{

DuProcessor::DuProcessor(const DuConfig& config,
                         std::size_t slices,
                         Output processed,
                         Output refused)
    : m_config{config},
      m_queues(slices),
      m_processed{std::move(processed)},
      m_refused{std::move(refused)}
{
    for (auto& queue : m_queues)
    {
        queue.rate_bps = config.compute_bps / static_cast<double>(slices);
    }
}

DuProcessor::~DuProcessor()
{
    for (auto& queue : m_queues)
    {
        queue.completion.Cancel();
    }
}

double DuProcessor::Work_bits(const DuPacket& packet) const
{
    return 8.0 * (packet.bytes + m_config.overhead_bytes);
}

void DuProcessor::Account(Queue& queue, const DuPacket& packet, bool added)
{
    if (packet.ue >= queue.ueBytes.size())
    {
        queue.ueBytes.resize(packet.ue + 1);
    }
    const uint64_t change = added ? packet.bytes : -static_cast<uint64_t>(packet.bytes);
    queue.bytes += change;
    queue.ueBytes[packet.ue] += change;
}

void DuProcessor::SetShares(std::span<const float> shares)
{
    const auto now = ns3::Simulator::Now();
    for (std::size_t slice = 0; slice < m_queues.size(); ++slice)
    {
        auto& queue = m_queues[slice];
        const double done = (now - queue.updated).GetSeconds() * queue.rate_bps;
        queue.rate_bps = m_config.compute_bps * shares[slice];
        if (!queue.packets.empty())
        {
            queue.remaining_bits = std::max(0.0, queue.remaining_bits - done);
            queue.updated = now;
            ScheduleCompletion(slice);
        }
    }
}

void DuProcessor::Enqueue(std::size_t slice, DuPacket&& packet)
{
    auto& queue = m_queues[slice];
    if (queue.packets.size() >= m_config.queue_packets)
    {
        m_refused(std::move(packet));
        return;
    }
    Account(queue, packet, true);
    queue.packets.push_back(std::move(packet));
    if (queue.packets.size() == 1)
    {
        BeginFront(slice);
    }
}

void DuProcessor::Insert(std::size_t slice, DuPacket&& packet)
{
    auto& packets = m_queues[slice].packets;
    if (packets.empty() || packets.size() >= m_config.queue_packets)
    {
        Enqueue(slice, std::move(packet));
        return;
    }
    Account(m_queues[slice], packet, true);
    // The one in front is being processed.
    const auto later = std::find_if(
        packets.begin() + 1,
        packets.end(),
        [&](const auto& other) { return other.ue == packet.ue && other.arrival > packet.arrival; });
    packets.insert(later, std::move(packet));
}

void DuProcessor::BeginFront(std::size_t slice)
{
    auto& queue = m_queues[slice];
    queue.remaining_bits = Work_bits(queue.packets.front());
    queue.updated = ns3::Simulator::Now();
    ScheduleCompletion(slice);
}

void DuProcessor::ScheduleCompletion(std::size_t slice)
{
    auto& queue = m_queues[slice];
    queue.completion.Cancel();
    // A share too small to finish within ns-3's time range is none.
    constexpr double NEVER_S = 1e6;
    const double wait_s = queue.rate_bps > 0.0 ? queue.remaining_bits / queue.rate_bps : NEVER_S;
    if (wait_s < NEVER_S)
    {
        const auto wait = ns3::NanoSeconds(static_cast<int64_t>(std::ceil(wait_s * 1e9)));
        queue.completion = ns3::Simulator::Schedule(wait, [this, slice] { Complete(slice); });
    }
}

void DuProcessor::Complete(std::size_t slice)
{
    auto& queue = m_queues[slice];
    DuPacket packet = std::move(queue.packets.front());
    queue.packets.pop_front();
    Account(queue, packet, false);
    queue.processed_bits += static_cast<uint64_t>(Work_bits(packet));
    if (!queue.packets.empty())
    {
        BeginFront(slice);
    }
    m_processed(std::move(packet));
}

std::vector<DuPacket> DuProcessor::Remove(std::size_t slice, uint32_t ue)
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
        queue.completion.Cancel();
        if (!queue.packets.empty())
        {
            BeginFront(slice);
        }
    }
    return removed;
}

uint64_t DuProcessor::ProcessedBits(std::size_t slice) const
{
    return m_queues[slice].processed_bits;
}

uint64_t DuProcessor::QueuedBytes(std::size_t slice) const
{
    return m_queues[slice].bytes;
}

uint64_t DuProcessor::QueuedBytes(std::size_t slice, uint32_t ue) const
{
    const auto& bytes = m_queues[slice].ueBytes;
    return ue < bytes.size() ? bytes[ue] : 0;
}

ns3::Time DuProcessor::OldestArrival(std::size_t slice) const
{
    const auto& packets = m_queues[slice].packets;
    return packets.empty() ? ns3::Time::Max() : packets.front().arrival;
}

ns3::Time DuProcessor::OldestArrival(std::size_t slice, uint32_t ue) const
{
    if (QueuedBytes(slice, ue) == 0)
    {
        return ns3::Time::Max();
    }
    const auto& packets = m_queues[slice].packets;
    return std::ranges::find(packets, ue, &DuPacket::ue)->arrival;
}

} // namespace slicebridge
