// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/du-processor.h"

#include "ns3/simulator.h"

#include <utility>

namespace slicebridge
{

namespace
{

int64_t Now_ns()
{
    return ns3::Simulator::Now().GetNanoSeconds();
}

} // namespace

DuProcessor::DuProcessor(const DuConfig& config,
                         std::size_t slices,
                         Output processed,
                         Output refused)
    : m_queue(config, slices),
      m_completions(slices),
      m_processed{std::move(processed)},
      m_refused{std::move(refused)}
{
}

DuProcessor::~DuProcessor()
{
    for (auto& completion : m_completions)
    {
        completion.Cancel();
    }
}

void DuProcessor::SetShares(std::span<const float> shares)
{
    m_queue.SetShares(shares, Now_ns());
    for (std::size_t slice = 0; slice < m_completions.size(); ++slice)
    {
        ScheduleCompletion(slice);
    }
}

void DuProcessor::Enqueue(std::size_t slice, DuPacket&& packet)
{
    if (!m_queue.Enqueue(slice, std::move(packet), Now_ns()))
    {
        m_refused(std::move(packet));
    }
    else if (!m_completions[slice].IsPending())
    {
        ScheduleCompletion(slice);
    }
}

void DuProcessor::Insert(std::size_t slice, DuPacket&& packet)
{
    if (!m_queue.Insert(slice, std::move(packet), Now_ns()))
    {
        m_refused(std::move(packet));
    }
    else if (!m_completions[slice].IsPending())
    {
        ScheduleCompletion(slice);
    }
}

std::vector<DuPacket> DuProcessor::Remove(std::size_t slice, uint32_t ue)
{
    auto removed = m_queue.Remove(slice, ue, Now_ns());
    ScheduleCompletion(slice);
    return removed;
}

void DuProcessor::ScheduleCompletion(std::size_t slice)
{
    m_completions[slice].Cancel();
    const int64_t completion_ns = m_queue.NextCompletion_ns(slice);
    if (completion_ns != DuQueue::NEVER)
    {
        const auto wait = ns3::NanoSeconds(completion_ns - Now_ns());
        m_completions[slice] = ns3::Simulator::Schedule(wait, [this, slice] { Complete(slice); });
    }
}

void DuProcessor::Complete(std::size_t slice)
{
    m_queue.Advance(slice,
                    Now_ns() + 1,
                    [this](DuPacket&& packet, int64_t) { m_processed(std::move(packet)); });
    ScheduleCompletion(slice);
}

} // namespace slicebridge
