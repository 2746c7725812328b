// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/window-collector.h"

#include "slicing/kpm-arithmetic.h"

#include <span>
#include <utility>

namespace slicebridge
{

WindowCollector::WindowCollector(Ran& ran,
                                 const EndToEndCounters& packets,
                                 std::vector<SliceConfig> slices,
                                 std::vector<uint32_t> ueSlice,
                                 std::size_t depth,
                                 ns3::Time low,
                                 ns3::Time tti)
    : m_ran(ran),
      m_packets(packets),
      m_slices(std::move(slices)),
      m_ueSlice(std::move(ueSlice)),
      m_low_ms(low.GetSeconds() * 1000.0),
      m_tti_ms(tti.GetSeconds() * 1000.0),
      m_ring(depth)
{
    for (auto& snapshot : m_ring)
    {
        snapshot.slices.resize(ran.CellCount() * m_slices.size());
    }
}

void WindowCollector::Snap(uint64_t tick)
{
    auto& snapshot = m_ring[tick % m_ring.size()];
    for (std::size_t cell = 0; cell < m_ran.CellCount(); ++cell)
    {
        const auto slices =
            std::span(snapshot.slices).subspan(cell * m_slices.size(), m_slices.size());
        m_ran.Cell(cell).ReadSlices(slices);
        m_packets.CompleteSlices(cell, slices);
    }
    // A RAN says little of UEs that no cell serves, and what the ring held of them is old.
    snapshot.ues.assign(m_ueSlice.size(), {});
    m_ran.ReadUes(snapshot.ues);
    m_packets.CompleteUes(snapshot.ues);
}

std::size_t WindowCollector::SliceKpmCount() const
{
    return m_ran.CellCount() * m_slices.size() * SliceKpmTable().size();
}

std::size_t WindowCollector::UeKpmCount() const
{
    return m_ueSlice.size() * UeKpmTable().size();
}

void WindowCollector::SliceKpms(uint64_t from, uint64_t to, std::span<float> values) const
{
    const auto table = SliceKpmTable();
    const auto& before = At(from).slices;
    const auto& now = At(to).slices;
    auto value = values.begin();
    for (std::size_t at = 0; value != values.end(); ++at)
    {
        const auto window = Window(from, to, at % m_slices.size());
        for (const auto& kpm : table)
        {
            *value++ = static_cast<float>(kpm.compute(before[at], now[at], window));
        }
    }
}

void WindowCollector::UeKpms(uint64_t from, uint64_t to, std::span<float> values) const
{
    const auto table = UeKpmTable();
    const auto& before = At(from).ues;
    const auto& now = At(to).ues;
    auto value = values.begin();
    for (std::size_t ue = 0; value != values.end(); ++ue)
    {
        const auto window = Window(from, to, m_ueSlice[ue]);
        for (const auto& kpm : table)
        {
            *value++ = static_cast<float>(kpm.compute(before[ue], now[ue], window));
        }
    }
}

float WindowCollector::SliceKpm(uint64_t from, uint64_t to, std::size_t at, std::size_t kpm) const
{
    const auto window = Window(from, to, at % m_slices.size());
    const auto& definition = SliceKpmTable()[kpm];
    return static_cast<float>(definition.compute(At(from).slices[at], At(to).slices[at], window));
}

float WindowCollector::UeKpm(uint64_t from, uint64_t to, std::size_t ue, std::size_t kpm) const
{
    const auto window = Window(from, to, m_ueSlice[ue]);
    const auto& definition = UeKpmTable()[kpm];
    return static_cast<float>(definition.compute(At(from).ues[ue], At(to).ues[ue], window));
}

void WindowCollector::Achieved(uint64_t from,
                               uint64_t to,
                               std::vector<SliceControl>& achieved) const
{
    using kpm::Growth;
    using kpm::Ratio;
    const auto& before = At(from).slices;
    const auto& now = At(to).slices;
    achieved.resize(now.size());
    for (std::size_t i = 0; i < now.size(); ++i)
    {
        const auto& then = before[i];
        const auto& last = now[i];
        const auto prb = static_cast<float>(Ratio(Growth(then.prbUsed, last.prbUsed),
                                                  Growth(then.prbAvailable, last.prbAvailable)));
        const double compute =
            Ratio(Growth(then.duBits, last.duBits), Growth(then.duBudget_bits, last.duBudget_bits));
        const double power = Ratio(Growth(then.energy_j, last.energy_j),
                                   Growth(then.powerBudget_j, last.powerBudget_j));
        achieved[i] = {{prb, prb, prb}, static_cast<float>(compute), static_cast<float>(power)};
    }
}

std::span<const UeCounters> WindowCollector::Ues(uint64_t tick) const
{
    return At(tick).ues;
}

void WindowCollector::UeCells(uint64_t tick, std::span<int32_t> cells) const
{
    const auto& ues = At(tick).ues;
    for (std::size_t ue = 0; ue < cells.size(); ++ue)
    {
        cells[ue] = ues[ue].cell;
    }
}

const WindowCollector::Snapshot& WindowCollector::At(uint64_t tick) const
{
    return m_ring[tick % m_ring.size()];
}

KpmWindow WindowCollector::Window(uint64_t from, uint64_t to, std::size_t slice) const
{
    return {m_low_ms * static_cast<double>(to - from), m_slices[slice], m_tti_ms};
}

} // namespace slicebridge
