// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/kpm-arithmetic.h"
#include "slicing/kpm-table.h"

#include <array>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace slicebridge
{

namespace
{

using kpm::Growth;
using kpm::PacketRatio;
using kpm::Ratio;
using Counters = SliceCounters;
using C = Counters;

/// Growth of one total over the window.
template <auto Field>
double Count(const Counters& before, const Counters& now, const KpmWindow&)
{
    return Growth(before.*Field, now.*Field);
}

/// Growth of one total over that of another, in units of 1/Times: a mean or a ratio.
template <auto Part, auto Whole, int Times = 1>
double Quotient(const Counters& before, const Counters& now, const KpmWindow&)
{
    return Times * Ratio(Growth(before.*Part, now.*Part), Growth(before.*Whole, now.*Whole));
}

/// Present value of a state.
template <auto Field>
double State(const Counters&, const Counters& now, const KpmWindow&)
{
    return static_cast<double>(now.*Field);
}

/// Mean over the TTIs of the window.
template <auto Field>
double PerTti(const Counters& before, const Counters& now, const KpmWindow& window)
{
    return Ratio(Growth(before.*Field, now.*Field) * window.tti_ms, window.length_ms);
}

/// kbit/s of a total in bytes.
template <auto Bytes>
double Rate_kbps(const Counters& before, const Counters& now, const KpmWindow& window)
{
    return Ratio(8.0 * Growth(before.*Bytes, now.*Bytes), window.length_ms);
}

double PdcpVolume_kbit(const Counters& before, const Counters& now, const KpmWindow&)
{
    return Growth(before.pdcpSduBits, now.pdcpSduBits) / 1000.0;
}

double RlcDropRate(const Counters& before, const Counters& now, const KpmWindow&)
{
    const double dropped = Growth(before.rlcSduDropped, now.rlcSduDropped);
    return 1e6 * Ratio(dropped, dropped + Growth(before.rlcSdu, now.rlcSdu));
}

double MeanActiveUes(const Counters& before, const Counters& now, const KpmWindow& window)
{
    return Ratio(now.activeUeTime_ms - before.activeUeTime_ms, window.length_ms);
}

double AirLossRatio(const Counters& before, const Counters& now, const KpmWindow&)
{
    const double lost = Growth(before.packetsLostAir, now.packetsLostAir);
    return PacketRatio(lost, lost + Growth(before.packetsDelivered, now.packetsDelivered));
}

double DeadlineMissRatio(const Counters& before, const Counters& now, const KpmWindow&)
{
    const double gone = Growth(before.packetsLostAir, now.packetsLostAir) +
                        Growth(before.packetsDroppedQueue, now.packetsDroppedQueue);
    return PacketRatio(gone + Growth(before.packetsLate, now.packetsLate),
                       gone + Growth(before.packetsDelivered, now.packetsDelivered));
}

template <std::size_t Bin>
double CqiBin(const Counters& before, const Counters& now, const KpmWindow&)
{
    return Growth(before.cqi[Bin], now.cqi[Bin]);
}

template <std::size_t Bin>
double McsBin(const Counters& before, const Counters& now, const KpmWindow&)
{
    return Growth(before.mcs[Bin], now.mcs[Bin]);
}

/// Measurements of TS 28.552. E2SM-KPM gives PDCP volume in kbit, TS 28.552 in Mbit.
constexpr std::array STANDARD{
    SliceKpm{"RRU.PrbUsedDl",
             "PRB",
             "DER",
             "Mean number of PRBs used for data, repetitions included (5.1.1.2.5)",
             PerTti<&C::prbUsed>},
    SliceKpm{"RRU.PrbAvailDl",
             "PRB",
             "DER",
             "Mean number of PRBs available in the cell (5.1.1.2.6)",
             PerTti<&C::prbAvailable>},
    SliceKpm{"DRB.UEThpDl",
             "kbit/s",
             "DER",
             "Mean UE throughput while a UE has a burst to receive (5.1.1.3.1)",
             Quotient<&C::burstBits, &C::burstTime_ms>},
    SliceKpm{"DRB.RlcSduDelayDl",
             "0.1 ms",
             "DER",
             "Mean time from arrival of an SDU at the RLC until its last part was sent (5.1.3.3.3)",
             Quotient<&C::rlcSduDelay_ms, &C::rlcSdu, 10>},
    SliceKpm{"DRB.AirIfDelayDl",
             "0.1 ms",
             "DER",
             "Mean time from sending the first part of an SDU until the UE has it (5.1.1.1.1)",
             Quotient<&C::airDelay_ms, &C::airSdu, 10>},
    SliceKpm{"DRB.RlcPacketDropRateDl",
             "1e-6",
             "DER",
             "Part of RLC SDUs dropped before any part was sent (5.1.3.2.2)",
             RlcDropRate},
    SliceKpm{"DRB.PdcpSduVolumeDL", "kbit", "CC", "PDCP SDU volume (5.1.2.1.1.1)", PdcpVolume_kbit},
    SliceKpm{"DRB.MeanActiveUeDl",
             "1",
             "DER",
             "Mean number of UEs with data to receive (5.1.1.23.1)",
             MeanActiveUes},
    SliceKpm{"TB.TotNbrDl",
             "1",
             "CC",
             "Transport blocks sent, repetitions included (5.1.1.7.3)",
             Count<&C::tb>},
    SliceKpm{"TB.ErrTotNbrDl",
             "1",
             "CC",
             "Transport blocks thereof received in error (5.1.1.7.4)",
             Count<&C::tbError>},
};

/// Use of the three resources, and state of the queues.
constexpr std::array RESOURCES{
    SliceKpm{"x.prb_used_ratio",
             "1",
             "DER",
             "PRBs used over PRBs available in the cell",
             Quotient<&C::prbUsed, &C::prbAvailable>},
    SliceKpm{"x.prb_retx",
             "PRB",
             "DER",
             "Mean number of PRBs used for repetitions",
             PerTti<&C::prbRetx>},
    SliceKpm{"x.prb_retx_over_cap",
             "PRB",
             "CC",
             "PRBs above the slice's cap, used by repetitions that could wait no longer",
             Count<&C::prbRetxOverCap>},
    SliceKpm{"x.power_used_ratio",
             "1",
             "DER",
             "Energy radiated for the slice over the cell's budget",
             Quotient<&C::energy_j, &C::powerBudget_j>},
    SliceKpm{"x.compute_used_ratio",
             "1",
             "DER",
             "DU processing done over the DU's capacity",
             Quotient<&C::duBits, &C::duBudget_bits>},
    SliceKpm{"x.ues", "1", "SI", "UEs served", State<&C::ues>},
    SliceKpm{"x.buffer_bytes",
             "byte",
             "SI",
             "Data in the DU and RLC queues",
             State<&C::bufferBytes>},
    SliceKpm{"x.hol_delay_ms",
             "ms",
             "SI",
             "Age of the oldest packet in them, 0 if there is none",
             State<&C::holDelay_ms>},
};

/// End to end, from the traffic source to the UE application.
constexpr std::array PACKETS{
    SliceKpm{"x.offered_kbps",
             "kbit/s",
             "DER",
             "Load offered by the sources",
             Rate_kbps<&C::bytesSent>},
    SliceKpm{"x.goodput_kbps",
             "kbit/s",
             "DER",
             "Load delivered to the UE applications",
             Rate_kbps<&C::bytesDelivered>},
    SliceKpm{"x.packets_sent", "1", "CC", "Packets sent by the sources", Count<&C::packetsSent>},
    SliceKpm{"x.packets_delivered",
             "1",
             "CC",
             "Packets delivered to the UE applications",
             Count<&C::packetsDelivered>},
    SliceKpm{"x.packets_dropped",
             "1",
             "CC",
             "Packets refused or discarded by a queue",
             Count<&C::packetsDroppedQueue>},
    SliceKpm{"x.packets_lost",
             "1",
             "CC",
             "Packets lost on the air, less losses taken back",
             Count<&C::packetsLostAir>},
    SliceKpm{"x.packets_late",
             "1",
             "CC",
             "Packets delivered after the SLA's delay budget",
             Count<&C::packetsLate>},
    SliceKpm{"x.packets_queued", "1", "SI", "Packets on their way", State<&C::packetsQueued>},
    SliceKpm{"x.packet_delay_ms",
             "ms",
             "DER",
             "Mean one-way delay of delivered packets",
             Quotient<&C::packetDelay_ms, &C::packetsDelivered>},
    SliceKpm{"x.deadline_miss_ratio",
             "1",
             "DER",
             "Late, dropped and lost packets over delivered, dropped and lost ones",
             DeadlineMissRatio},
    SliceKpm{"x.air_loss_ratio",
             "1",
             "DER",
             "Packets lost on the air over delivered and lost ones",
             AirLossRatio},
};

std::string_view BinName(std::string_view distribution, std::size_t bin)
{
    // Names live as long as the table, which is until the end of the program.
    static std::deque<std::string> names;
    return names.emplace_back(distribution).append(".Bin").append(std::to_string(bin));
}

template <std::size_t... Bin>
void AppendCqi(std::vector<SliceKpm>& table, std::index_sequence<Bin...>)
{
    (table.push_back({BinName("CARR.WBCQIDist", Bin),
                      "1",
                      "CC",
                      "Wideband CQI reports of this value (5.1.1.11.1)",
                      CqiBin<Bin>}),
     ...);
}

template <std::size_t... Bin>
void AppendMcs(std::vector<SliceKpm>& table, std::index_sequence<Bin...>)
{
    (table.push_back({BinName("CARR.PDSCHMCSDist", Bin),
                      "PRB",
                      "CC",
                      "PRBs sent with this MCS index, repetitions included (5.1.1.12.1)",
                      McsBin<Bin>}),
     ...);
}

std::vector<SliceKpm> BuildTable()
{
    std::vector<SliceKpm> table;
    for (const std::span<const SliceKpm> part :
         {std::span<const SliceKpm>(STANDARD), {RESOURCES}, {PACKETS}})
    {
        table.insert(table.end(), part.begin(), part.end());
    }
    AppendCqi(table, std::make_index_sequence<std::tuple_size_v<decltype(Counters::cqi)>>());
    AppendMcs(table, std::make_index_sequence<std::tuple_size_v<decltype(Counters::mcs)>>());
    return table;
}

} // namespace

std::span<const SliceKpm> SliceKpmTable()
{
    static const std::vector<SliceKpm> table = BuildTable();
    return table;
}

std::size_t SliceKpmColumn(std::string_view name)
{
    return kpm::Column(SliceKpmTable(), name);
}

} // namespace slicebridge
