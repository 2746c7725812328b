// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/epoch-loop.h"

#include "slicing/control-projection.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace slicebridge
{

namespace
{

/// How long UEs may take to connect, after the least warm-up.
const ns3::Time CONNECT_TIMEOUT = ns3::Seconds(10);

/// How far ahead ticks are scheduled, so that they come first among events of equal time.
const ns3::Time SCHEDULE_AHEAD = ns3::Seconds(1);

uint64_t CeilDivide(ns3::Time length, ns3::Time unit)
{
    return static_cast<uint64_t>((length + unit - ns3::TimeStep(1)).GetTimeStep() /
                                 unit.GetTimeStep());
}

const EpochTiming& Checked(const EpochTiming& timing)
{
    const auto isMultiple = [](ns3::Time whole, ns3::Time part)
    {
        return part.IsStrictlyPositive() && whole.IsStrictlyPositive() &&
               (whole.GetTimeStep() % part.GetTimeStep()) == 0;
    };
    if (!isMultiple(timing.low, timing.tti) || !isMultiple(timing.high, timing.low) ||
        !isMultiple(timing.duration, timing.high) || timing.warmUp.IsStrictlyNegative())
    {
        throw std::invalid_argument("EpochLoop: the low-level period must be a multiple of the "
                                    "TTI, the high-level one of the low-level one, and the "
                                    "duration of the high-level one");
    }
    return timing;
}

} // namespace

EpochLoop::EpochLoop(EpochLoopParts parts, EpochTiming timing)
    : m_parts(std::move(parts)),
      m_timing(Checked(timing)),
      m_levels(m_parts.controller.Levels()),
      m_uePolicy(m_parts.controller.Delegate()),
      m_ticksPerHigh(CeilDivide(timing.high, timing.low)),
      m_earliestStart(std::max(m_ticksPerHigh, CeilDivide(timing.warmUp, timing.low))),
      m_windows(m_parts.ran,
                m_parts.packets,
                m_parts.slices,
                m_parts.ueSlice,
                m_ticksPerHigh + 1,
                timing.low,
                timing.tti)
{
    m_control.slices = InitialControls(m_parts.ran.CellCount(), m_parts.slices);
    m_control.ues.resize(m_parts.ueSlice.size());
    m_observation.sliceHigh.resize(m_windows.SliceKpmCount());
    m_observation.sliceLow.resize(m_levels == ControlLevels::Both ? m_windows.SliceKpmCount() : 0);
    m_observation.ue.resize(m_windows.UeKpmCount());
    m_observation.ueCell.resize(m_parts.ueSlice.size());
}

void EpochLoop::Start()
{
    ApplySlices();
    const uint64_t ahead = CeilDivide(SCHEDULE_AHEAD, m_timing.low);
    for (uint64_t tick = 0; tick < ahead; ++tick)
    {
        ScheduleTick(tick);
    }
}

void EpochLoop::OnMeasurementStart(std::function<void()> callback)
{
    m_onMeasurementStart = std::move(callback);
}

ns3::Time EpochLoop::MeasurementStart() const
{
    return m_measuring ? m_timing.low * static_cast<int64_t>(m_start) : ns3::Time();
}

void EpochLoop::ScheduleTick(uint64_t tick)
{
    const auto at = m_timing.low * static_cast<int64_t>(tick);
    ns3::Simulator::Schedule(at - ns3::Simulator::Now(), [this, tick] { Tick(tick); });
}

void EpochLoop::Tick(uint64_t tick)
{
    if (m_done)
    {
        return;
    }
    ScheduleTick(tick + CeilDivide(SCHEDULE_AHEAD, m_timing.low));
    if (!m_measuring)
    {
        WarmUp(tick);
    }
    else if (m_levels == ControlLevels::Both || (tick - m_start) % m_ticksPerHigh == 0)
    {
        m_windows.Snap(tick);
        Epoch(tick);
    }
    else if (m_uePolicy != nullptr)
    {
        m_windows.Snap(tick);
        m_uePolicy->Look(m_windows, tick);
        Delegate();
    }
}

void EpochLoop::WarmUp(uint64_t tick)
{
    if (tick + m_ticksPerHigh < m_earliestStart)
    {
        return;
    }
    m_windows.Snap(tick);
    if (tick < m_earliestStart)
    {
        return;
    }
    if (!m_parts.ran.AllUesConnected())
    {
        if (tick >= m_earliestStart + CeilDivide(CONNECT_TIMEOUT, m_timing.low))
        {
            RefuseToWait();
        }
        return;
    }
    m_start = tick;
    m_measuring = true;
    if (m_onMeasurementStart)
    {
        m_onMeasurementStart();
    }
    m_observation.report.requested = m_control.slices;
    m_observation.report.projected = m_control.slices;
    Epoch(tick);
}

void EpochLoop::RefuseToWait() const
{
    std::vector<UeCounters> ues(m_parts.ueSlice.size());
    m_parts.ran.ReadUes(ues);
    const auto connected =
        std::count_if(ues.begin(), ues.end(), [](const auto& ue) { return ue.cell >= 0; });
    throw std::runtime_error(std::to_string(connected) + " of " + std::to_string(ues.size()) +
                             " UEs are connected after " +
                             std::to_string(ns3::Simulator::Now().GetSeconds()) +
                             " s; the others may be out of coverage");
}

void EpochLoop::Epoch(uint64_t tick)
{
    Observe(tick);
    if (m_observation.highDecision)
    {
        m_windows.UeKpms(tick - m_ticksPerHigh, tick, m_observation.ue);
    }
    if (m_observation.highDecision && tick > m_start)
    {
        for (auto* observer : m_parts.observers)
        {
            observer->OnEpoch(m_observation, m_control);
        }
    }
    if (m_levels == ControlLevels::Both)
    {
        m_windows.UeKpms(tick - 1, tick, m_observation.ue);
    }
    if (m_uePolicy != nullptr)
    {
        m_uePolicy->Look(m_windows, tick);
    }
    Decide();
}

/// Fills the observation but for `ue`, whose window depends on who looks.
void EpochLoop::Observe(uint64_t tick)
{
    const auto elapsed = m_timing.low * static_cast<int64_t>(tick - m_start);
    m_observation.time_ns = elapsed.GetNanoSeconds();
    m_observation.highDecision = (tick - m_start) % m_ticksPerHigh == 0;
    m_observation.last = elapsed >= m_timing.duration;
    if (m_observation.highDecision)
    {
        m_windows.SliceKpms(tick - m_ticksPerHigh, tick, m_observation.sliceHigh);
        m_windows.Achieved(tick - m_ticksPerHigh, tick, m_observation.report.achieved);
    }
    if (m_levels == ControlLevels::Both)
    {
        m_windows.SliceKpms(tick - 1, tick, m_observation.sliceLow);
    }
    m_windows.UeCells(tick, m_observation.ueCell);
}

void EpochLoop::Decide()
{
    const bool goOn = m_parts.controller.Decide(m_observation, m_control);
    ++m_observation.epoch;
    if (m_observation.last || !goOn)
    {
        m_done = true;
        ns3::Simulator::Stop();
        return;
    }
    Apply();
}

void EpochLoop::Apply()
{
    if (m_control.slices.size() != m_observation.report.projected.size() ||
        m_control.ues.size() != m_parts.ueSlice.size())
    {
        throw std::logic_error("a controller must keep the number of slices and UEs of a Control");
    }
    if (m_observation.highDecision)
    {
        m_observation.report.requested = m_control.slices;
        m_control.slices = ProjectSlices(m_control.slices, m_parts.slices.size());
        m_observation.report.projected = m_control.slices;
        ApplySlices();
    }
    else
    {
        m_control.slices = m_observation.report.projected;
    }
    if (m_levels == ControlLevels::Both)
    {
        ProjectUes(m_control.ues);
        m_parts.ran.ApplyUeControls(m_control.ues);
    }
    else if (m_uePolicy != nullptr)
    {
        Delegate();
    }
    else
    {
        m_control.ues.assign(m_control.ues.size(), {});
    }
}

void EpochLoop::Delegate()
{
    m_control.ues.assign(m_control.ues.size(), {});
    m_uePolicy->Decide(m_control.slices, m_control.ues);
    ProjectUes(m_control.ues);
    m_parts.ran.ApplyUeControls(m_control.ues);
}

void EpochLoop::ApplySlices()
{
    const std::size_t slices = m_parts.slices.size();
    for (std::size_t cell = 0; cell < m_parts.ran.CellCount(); ++cell)
    {
        m_parts.ran.Cell(cell).ApplySliceControls(
            std::span(m_control.slices).subspan(cell * slices, slices));
    }
}

} // namespace slicebridge
