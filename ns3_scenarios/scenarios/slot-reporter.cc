// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/slot-reporter.h"

#include "cosim/header.h"

#include "ns3/simulator.h"

#include <cstring>
#include <utility>

namespace slicebridge
{

namespace
{

constexpr uint32_t WORD_BITS = 32;
constexpr std::size_t SECTION_ALIGNMENT = 8;
constexpr std::size_t GRANT_COLUMNS = 10; ///< without the bitmap
constexpr std::size_t FEEDBACK_COLUMNS = 7;

} // namespace

SlotReporter::SlotReporter(RanAttachment& network,
                           std::size_t ueCount,
                           ns3::Time low,
                           PauseHook onPause)
    : m_network(network),
      m_slot_ns(network.Grid().slot.GetNanoSeconds()),
      m_low_ns(low.GetNanoSeconds()),
      m_onPause(std::move(onPause)),
      m_ues(ueCount)
{
    const auto grid = network.Grid();
    const uint32_t rbgs = (grid.prbs + grid.rbg_prbs - 1) / grid.rbg_prbs;
    m_words = (rbgs + WORD_BITS - 1) / WORD_BITS;
}

SlotReporter::~SlotReporter()
{
    m_network.ObserveSlots(nullptr);
}

bool SlotReporter::Reporting() const
{
    return m_reporting;
}

void SlotReporter::GoOn(uint8_t flags, int64_t now_ns, int64_t nextEpoch_ns)
{
    m_start_ns = ns3::Simulator::Now().GetNanoSeconds() - now_ns;
    m_nextEpoch_ns = nextEpoch_ns;
    const bool wanted = (flags & (SLOTS | PAUSE_SLOT | PAUSE_LOW)) != 0;
    if (wanted != m_reporting)
    {
        m_reporting = wanted;
        m_from_ns = now_ns;
        m_grants.clear();
        m_feedback.clear();
        m_network.ObserveSlots(wanted ? this : nullptr);
    }
    SchedulePause(flags, now_ns);
}

void SlotReporter::SchedulePause(uint8_t flags, int64_t now_ns)
{
    const int64_t stride_ns = (flags & PAUSE_SLOT) != 0  ? m_slot_ns
                              : (flags & PAUSE_LOW) != 0 ? m_low_ns
                                                         : 0;
    if (stride_ns == 0)
    {
        return;
    }
    const int64_t pause_ns = (now_ns / stride_ns + 1) * stride_ns;
    if (pause_ns < m_nextEpoch_ns)
    {
        const int64_t at_ns = m_start_ns + pause_ns - 1;
        ns3::Simulator::Schedule(ns3::NanoSeconds(at_ns) - ns3::Simulator::Now(),
                                 [this, pause_ns] { Pause(pause_ns); });
    }
}

void SlotReporter::Pause(int64_t time_ns)
{
    SchedulePause(m_onPause(time_ns), time_ns);
}

/// The present one, since the end of warm-up.
int32_t SlotReporter::Slot() const
{
    const int64_t elapsed_ns = ns3::Simulator::Now().GetNanoSeconds() - m_start_ns;
    return static_cast<int32_t>(elapsed_ns / m_slot_ns);
}

void SlotReporter::OnGrant(const SlotGrant& grant)
{
    const auto number = [](uint32_t value) { return static_cast<int32_t>(value); };
    m_grants.insert(m_grants.end(),
                    {Slot(),
                     number(grant.cell),
                     grant.ue,
                     grant.slice,
                     number(grant.process),
                     number(grant.layer),
                     number(grant.mcs),
                     number(grant.tbs_bits),
                     number(grant.prbs),
                     number(grant.transmission)});
    for (uint32_t word = 0; word < m_words; ++word)
    {
        m_grants.push_back(word < grant.rbgs.size() ? number(grant.rbgs[word]) : 0);
    }
}

void SlotReporter::OnFeedback(const SlotFeedback& feedback)
{
    const auto number = [](uint32_t value) { return static_cast<int32_t>(value); };
    m_feedback.insert(m_feedback.end(),
                      {Slot(),
                       Slot() - number(feedback.age_slots),
                       number(feedback.cell),
                       number(feedback.ue),
                       number(feedback.process),
                       number(feedback.layer),
                       feedback.ack ? 1 : 0});
}

template <typename T>
void SlotReporter::Append(const std::vector<T>& values)
{
    const std::size_t begin = m_body.size();
    const std::size_t bytes = values.size() * sizeof(T);
    m_body.resize(begin + (bytes + SECTION_ALIGNMENT - 1) / SECTION_ALIGNMENT * SECTION_ALIGNMENT);
    if (bytes > 0)
    {
        std::memcpy(&m_body[begin], values.data(), bytes);
    }
}

std::span<const std::byte> SlotReporter::Report(int64_t time_ns)
{
    m_network.GetRan().ReadUes(m_ues);
    std::vector<float> buffer_bytes;
    std::vector<float> holDelay_ms;
    std::vector<int32_t> cells;
    for (const auto& ue : m_ues)
    {
        buffer_bytes.push_back(static_cast<float>(ue.bufferBytes));
        holDelay_ms.push_back(static_cast<float>(ue.holDelay_ms));
        cells.push_back(ue.cell);
    }
    m_body.clear();
    Append(std::vector<int32_t>{static_cast<int32_t>((time_ns - m_from_ns) / m_slot_ns),
                                static_cast<int32_t>(m_grants.size() / (GRANT_COLUMNS + m_words)),
                                static_cast<int32_t>(m_feedback.size() / FEEDBACK_COLUMNS),
                                static_cast<int32_t>(m_words)});
    Append(buffer_bytes);
    Append(holDelay_ms);
    Append(cells);
    Append(m_grants);
    Append(m_feedback);
    m_grants.clear();
    m_feedback.clear();
    m_from_ns = time_ns;
    return m_body;
}

} // namespace slicebridge
