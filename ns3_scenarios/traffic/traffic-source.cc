// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/traffic-source.h"

#include "ns3/simulator.h"

#include <algorithm>

namespace slicebridge
{

namespace
{

/// How far ahead an arrival is looked for at once: a load may stay at zero for ever.
constexpr double LOOK_AHEAD_S = 10.0;

// ns-3's own conversions between seconds and time steps take 128-bit arithmetic.
constexpr double NS_PER_S = 1e9;

double Now_s()
{
    return static_cast<double>(ns3::Simulator::Now().GetNanoSeconds()) / NS_PER_S;
}

/// Rounded to nanoseconds.
ns3::Time FromNow(double delay_s)
{
    return ns3::NanoSeconds(static_cast<uint64_t>(delay_s * NS_PER_S + 0.5));
}

} // namespace

TrafficSource::TrafficSource(Parts parts)
    : m_parts(std::move(parts))
{
}

void TrafficSource::StartApplication()
{
    m_reference_s = Now_s();
    m_workLeft_s = m_parts.arrivals->NextGap_s();
    ScheduleArrival();
}

void TrafficSource::StopApplication()
{
    m_arrival.Cancel();
    m_fileSending.Cancel();
}

void TrafficSource::ScheduleArrival()
{
    const double until_s = m_reference_s + LOOK_AHEAD_S;
    const auto time_s = m_parts.load->After(m_reference_s, m_workLeft_s, until_s);
    // The reference is the exact time of an arrival, which its event was rounded from.
    const double delay_s = std::max(time_s.value_or(until_s) - Now_s(), 0.0);
    if (time_s)
    {
        m_arrival = ns3::Simulator::Schedule(FromNow(delay_s),
                                             [this, time = *time_s]
                                             {
                                                 m_reference_s = time;
                                                 OnArrival();
                                             });
    }
    else
    {
        m_arrival = ns3::Simulator::Schedule(FromNow(delay_s), [this] { OnLookAgain(); });
    }
}

void TrafficSource::OnLookAgain()
{
    BeforeLoadChange();
    ScheduleArrival();
}

void TrafficSource::BeforeLoadChange()
{
    const double now_s = std::max(Now_s(), m_reference_s);
    m_workLeft_s = std::max(m_workLeft_s - m_parts.load->Work(m_reference_s, now_s), 0.0);
    m_reference_s = now_s;
}

void TrafficSource::AfterLoadChange()
{
    if (m_arrival.IsExpired())
    {
        return;
    }
    m_arrival.Cancel();
    ScheduleArrival();
}

void TrafficSource::OnArrival()
{
    m_workLeft_s = m_parts.arrivals->NextGap_s();
    ScheduleArrival();
    if (m_parts.arrival_bytes <= m_parts.packet_bytes)
    {
        Send(m_parts.arrival_bytes);
        return;
    }
    m_files.push_back(m_parts.arrival_bytes);
    if (m_fileSending.IsExpired())
    {
        SendOfFile();
    }
}

void TrafficSource::SendOfFile()
{
    if (m_files.empty())
    {
        return;
    }
    uint32_t& left_bytes = m_files.front();
    const uint32_t bytes = std::min(left_bytes, m_parts.packet_bytes);
    left_bytes -= bytes;
    if (left_bytes == 0)
    {
        m_files.pop_front();
    }
    Send(bytes);
    constexpr double BITS_PER_BYTE = 8.0;
    m_fileSending = ns3::Simulator::Schedule(FromNow(bytes * BITS_PER_BYTE / FILE_RATE_BPS),
                                             [this] { SendOfFile(); });
}

void TrafficSource::Send(uint32_t bytes)
{
    // The last packet of a file may be too short to hold the header.
    bytes = std::max(bytes, TrafficHeader::BYTES);
    if (const auto id = m_parts.admit(bytes))
    {
        m_parts.outlet(MakeTrafficPacket(*id, ns3::Simulator::Now().GetNanoSeconds(), bytes));
    }
}

} // namespace slicebridge
