// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/five-qi.h"
#include "slicing/kpm-arithmetic.h"
#include "slicing/kpm-table.h"

#include <array>

namespace slicebridge
{

namespace
{

using kpm::Growth;
using kpm::Ratio;
using C = UeCounters;

template <auto Field>
double Count(const C& before, const C& now, const KpmWindow&)
{
    return Growth(before.*Field, now.*Field);
}

template <auto Field>
double State(const C&, const C& now, const KpmWindow&)
{
    return static_cast<double>(now.*Field);
}

template <auto Bytes>
double Rate_kbps(const C& before, const C& now, const KpmWindow& window)
{
    return Ratio(8.0 * Growth(before.*Bytes, now.*Bytes), window.length_ms);
}

double MeanPrbs(const C& before, const C& now, const KpmWindow& window)
{
    return Ratio(Growth(before.prbUsed, now.prbUsed) * window.tti_ms, window.length_ms);
}

double PacketDelay_ms(const C& before, const C& now, const KpmWindow&)
{
    return Ratio(now.packetDelay_ms - before.packetDelay_ms,
                 Growth(before.packetsDelivered, now.packetsDelivered));
}

double EwmaThroughput_kbps(const C&, const C& now, const KpmWindow&)
{
    return now.ewmaThroughput_bps / 1000.0;
}

double Budget_ms(const C&, const C&, const KpmWindow& window)
{
    return DelayBudget_ms(window.slice);
}

constexpr std::array TABLE{
    UeKpm{"x.buffer_bytes", "byte", "SI", "Data in the DU and RLC queues", State<&C::bufferBytes>},
    UeKpm{"x.hol_delay_ms",
          "ms",
          "SI",
          "Age of the oldest packet in them, 0 if there is none",
          State<&C::holDelay_ms>},
    UeKpm{"x.delay_budget_ms",
          "ms",
          "SI",
          "One-way delay budget: of the SLA, else of the 5QI (TS 23.501, table 5.7.4-1)",
          Budget_ms},
    UeKpm{"x.cqi", "1", "SI", "Last wideband CQI, 0 to 15", State<&C::cqi>},
    UeKpm{"x.spectral_efficiency_bps_hz",
          "bit/s/Hz",
          "SI",
          "Spectral efficiency of that CQI",
          State<&C::spectralEfficiency>},
    UeKpm{"x.ewma_throughput_kbps",
          "kbit/s",
          "SI",
          "Served rate as the scheduler averages it",
          EwmaThroughput_kbps},
    UeKpm{"x.time_since_served_ms",
          "ms",
          "SI",
          "Time since the last transport block",
          State<&C::timeSinceServed_ms>},
    UeKpm{"x.weight", "1", "SI", "Scheduling weight in force", State<&C::weight>},
    UeKpm{"x.power_offset_db", "dB", "SI", "Power offset in force", State<&C::powerOffset_db>},
    UeKpm{"RRU.PrbUsedDl", "PRB", "DER", "Mean number of PRBs used (5.1.1.2.5, per UE)", MeanPrbs},
    UeKpm{"TB.TotNbrDl", "1", "CC", "Transport blocks sent (5.1.1.7.3, per UE)", Count<&C::tb>},
    UeKpm{"TB.ErrTotNbrDl",
          "1",
          "CC",
          "Transport blocks received in error (5.1.1.7.4, per UE)",
          Count<&C::tbError>},
    UeKpm{"x.offered_kbps",
          "kbit/s",
          "DER",
          "Load offered by the source",
          Rate_kbps<&C::bytesSent>},
    UeKpm{"x.goodput_kbps",
          "kbit/s",
          "DER",
          "Load delivered to the UE application",
          Rate_kbps<&C::bytesDelivered>},
    UeKpm{"x.packets_sent", "1", "CC", "Packets sent by the source", Count<&C::packetsSent>},
    UeKpm{"x.packets_delivered",
          "1",
          "CC",
          "Packets delivered to the UE application",
          Count<&C::packetsDelivered>},
    UeKpm{"x.packets_lost",
          "1",
          "CC",
          "Packets dropped or lost, less losses taken back",
          Count<&C::packetsLost>},
    UeKpm{"x.packets_late",
          "1",
          "CC",
          "Packets delivered after the SLA's delay budget",
          Count<&C::packetsLate>},
    UeKpm{"x.packet_delay_ms",
          "ms",
          "DER",
          "Mean one-way delay of delivered packets",
          PacketDelay_ms},
};

} // namespace

std::span<const UeKpm> UeKpmTable()
{
    return TABLE;
}

std::size_t UeKpmColumn(std::string_view name)
{
    return kpm::Column(UeKpmTable(), name);
}

} // namespace slicebridge
