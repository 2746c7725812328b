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
    m_before = ReadPrbs();
    m_start = ns3::Simulator::Now();
}

std::vector<Summary::PrbTotals> Summary::ReadPrbs() const
{
    std::vector<PrbTotals> totals(m_scenario.slices.size());
    std::vector<SliceCounters> counters(totals.size());
    for (std::size_t cell = 0; cell < m_ran.CellCount(); ++cell)
    {
        m_ran.Cell(cell).ReadSlices(counters);
        for (std::size_t slice = 0; slice < totals.size(); ++slice)
        {
            totals[slice].used += counters[slice].prbUsed;
            totals[slice].available += counters[slice].prbAvailable;
        }
    }
    return totals;
}

std::string Summary::Line(std::size_t slice, double length_s, double prb_percent) const
{
    const auto& totals = m_ledger.Measured(slice);
    const auto& delays = m_ledger.Delays(slice);
    const auto settled = double(totals.sent - totals.OnTheirWay());
    const auto lost = double(totals.droppedQueue + totals.lostAir);
    char line[160];
    std::snprintf(line,
                  sizeof(line),
                  "%-16.16s %5zu %9.3f %9.3f %7.1f %9.2f %9.2f %8.3f %8.3f\n",
                  m_scenario.slices[slice].slice.name.c_str(),
                  std::size_t{m_scenario.slices[slice].ues} * m_scenario.cells.count,
                  Ratio(double(totals.bytesSent) * MBIT_PER_BYTE, length_s),
                  Ratio(double(totals.bytesDelivered) * MBIT_PER_BYTE, length_s),
                  prb_percent,
                  Ratio(totals.delay_ms, double(totals.delivered)),
                  double(delays.Quantile_ns(0.99)) * MS_PER_NS,
                  PERCENT * Ratio(lost, settled),
                  PERCENT * Ratio(double(totals.late), double(totals.delivered)));
    return line;
}

std::string Summary::Text() const
{
    const double length_s = (ns3::Simulator::Now() - m_start).GetSeconds();
    std::string text =
        "slice              UEs   offered delivered     PRB      mean       p99     "
        "lost     late\n"
        "                        Mbit/s    Mbit/s       %        ms        ms        "
        "%        %\n";
    const auto now = ReadPrbs();
    for (std::size_t slice = 0; slice < now.size(); ++slice)
    {
        const auto used = double(now[slice].used - m_before[slice].used);
        const auto available = double(now[slice].available - m_before[slice].available);
        text += Line(slice, length_s, PERCENT * Ratio(used, available));
    }
    return text;
}

} // namespace slicebridge
