// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/summary.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <cstdio>

namespace slicebridge
{

namespace
{

constexpr double MS_PER_NS = 1e-6;
constexpr double MBIT_PER_BYTE = 8e-6;
constexpr double PERCENT = 100.0;

double Ratio(double part, double whole)
{
    return whole > 0.0 ? part / whole : 0.0;
}

} // namespace

Summary::Summary(const Scenario& scenario, Ran& ran, const PacketLedger& ledger)
    : m_scenario(scenario),
      m_ran(ran),
      m_ledger(ledger)
{
    Start();
}

void Summary::Start()
{
    m_before = ReadTotals();
    m_start = ns3::Simulator::Now();
}

std::vector<Summary::Totals> Summary::ReadTotals() const
{
    std::vector<Totals> totals(m_scenario.slices.size());
    std::vector<SliceCounters> counters(totals.size());
    for (std::size_t cell = 0; cell < m_ran.CellCount(); ++cell)
    {
        m_ran.Cell(cell).ReadSlices(counters);
        m_ledger.CompleteSlices(cell, counters);
        for (std::size_t slice = 0; slice < totals.size(); ++slice)
        {
            totals[slice].prbUsed += counters[slice].prbUsed;
            totals[slice].prbAvailable += counters[slice].prbAvailable;
            totals[slice].bytesSent += counters[slice].bytesSent;
            totals[slice].bytesDelivered += counters[slice].bytesDelivered;
        }
    }
    return totals;
}

std::string Summary::Line(std::size_t slice, const Totals& now) const
{
    const double length_s = (ns3::Simulator::Now() - m_start).GetSeconds();
    const Totals& before = m_before[slice];
    const auto& packets = m_ledger.Measured(slice);
    const auto settled = double(packets.sent - packets.OnTheirWay());
    const auto lost = double(packets.droppedQueue + packets.lostAir);
    const auto mbps = [length_s](uint64_t bytes)
    { return Ratio(double(bytes) * MBIT_PER_BYTE, length_s); };
    char line[160];
    std::snprintf(line,
                  sizeof(line),
                  "%-16.16s %5zu %9.3f %9.3f %7.1f %9.2f %9.2f %8.3f %8.3f\n",
                  m_scenario.slices[slice].slice.name.c_str(),
                  std::size_t{m_scenario.slices[slice].ues} * m_scenario.cells.count,
                  mbps(now.bytesSent - before.bytesSent),
                  mbps(now.bytesDelivered - before.bytesDelivered),
                  PERCENT * Ratio(double(now.prbUsed - before.prbUsed),
                                  double(now.prbAvailable - before.prbAvailable)),
                  Ratio(packets.delay_ms, double(packets.delivered)),
                  double(m_ledger.Delays(slice).Quantile_ns(0.99)) * MS_PER_NS,
                  PERCENT * Ratio(lost, settled),
                  PERCENT * Ratio(double(packets.late), double(packets.delivered)));
    return line;
}

std::string Summary::Text() const
{
    std::string text =
        "slice              UEs   offered delivered     PRB      mean       p99     "
        "lost     late\n"
        "                        Mbit/s    Mbit/s       %        ms        ms        "
        "%        %\n";
    const auto now = ReadTotals();
    for (std::size_t slice = 0; slice < now.size(); ++slice)
    {
        text += Line(slice, now[slice]);
    }
    return text;
}

} // namespace slicebridge
