// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/kpm-table.h"

#include <cmath>
#include <gtest/gtest.h>
#include <set>
#include <stdexcept>
#include <string>

namespace slicebridge
{

namespace
{

const SliceConfig SLICE;

double SliceValue(std::string_view name,
                  const SliceCounters& before,
                  const SliceCounters& now,
                  double length_ms = 100.0,
                  double tti_ms = 1.0)
{
    return SliceKpmTable()[SliceKpmColumn(name)].compute(before, now, {length_ms, SLICE, tti_ms});
}

double UeValue(std::string_view name, const UeCounters& before, const UeCounters& now)
{
    return UeKpmTable()[UeKpmColumn(name)].compute(before, now, {100.0, SLICE});
}

/// 100 ms on a cell of 25 PRBs.
SliceCounters Window()
{
    SliceCounters now;
    now.prbUsed = 1250;
    now.prbRetx = 50;
    now.prbRetxOverCap = 6;
    now.prbAvailable = 2500;
    now.tb = 400;
    now.tbError = 40;
    now.cqi[15] = 7;
    now.mcs[28] = 11;
    now.energy_j = 0.5;
    now.powerBudget_j = 2.0;
    now.pdcpSduBits = 2'000'000;
    now.rlcSdu = 900;
    now.rlcSduDelay_ms = 4500.0;
    now.rlcSduDropped = 100;
    now.airSdu = 800;
    now.airDelay_ms = 3200.0;
    now.burstBits = 1'500'000;
    now.burstTime_ms = 300.0;
    now.activeUeTime_ms = 250.0;
    now.duBits = 3'000'000;
    now.duBudget_bits = 20'000'000.0;
    now.packetsSent = 1000;
    now.packetsDelivered = 880;
    now.packetsDroppedQueue = 90;
    now.packetsLostAir = 20;
    now.packetsLate = 45;
    now.bytesSent = 1'000'000;
    now.bytesDelivered = 880'000;
    now.packetDelay_ms = 8800.0;
    now.packetsQueued = 10;
    now.bufferBytes = 12345;
    now.holDelay_ms = 17.5;
    now.ues = 10;
    return now;
}

} // namespace

TEST(SliceKpm, HasTheValuesOfAWorkedExample)
{
    const SliceCounters before;
    const auto now = Window();
    const auto value = [&](std::string_view name) { return SliceValue(name, before, now); };
    EXPECT_DOUBLE_EQ(value("RRU.PrbUsedDl"), 12.5);
    EXPECT_DOUBLE_EQ(value("RRU.PrbAvailDl"), 25.0);
    EXPECT_DOUBLE_EQ(value("DRB.UEThpDl"), 5000.0);
    EXPECT_DOUBLE_EQ(value("DRB.RlcSduDelayDl"), 50.0);
    EXPECT_DOUBLE_EQ(value("DRB.AirIfDelayDl"), 40.0);
    EXPECT_DOUBLE_EQ(value("DRB.RlcPacketDropRateDl"), 100000.0);
    EXPECT_DOUBLE_EQ(value("DRB.PdcpSduVolumeDL"), 2000.0);
    EXPECT_DOUBLE_EQ(value("DRB.MeanActiveUeDl"), 2.5);
    EXPECT_DOUBLE_EQ(value("TB.TotNbrDl"), 400.0);
    EXPECT_DOUBLE_EQ(value("TB.ErrTotNbrDl"), 40.0);
    EXPECT_DOUBLE_EQ(value("CARR.WBCQIDist.Bin15"), 7.0);
    EXPECT_DOUBLE_EQ(value("CARR.WBCQIDist.Bin14"), 0.0);
    EXPECT_DOUBLE_EQ(value("CARR.PDSCHMCSDist.Bin28"), 11.0);
    EXPECT_DOUBLE_EQ(value("x.prb_used_ratio"), 0.5);
    EXPECT_DOUBLE_EQ(value("x.prb_retx"), 0.5);
    EXPECT_DOUBLE_EQ(value("x.prb_retx_over_cap"), 6.0);
    EXPECT_DOUBLE_EQ(value("x.power_used_ratio"), 0.25);
    EXPECT_DOUBLE_EQ(value("x.compute_used_ratio"), 0.15);
    EXPECT_DOUBLE_EQ(value("x.ues"), 10.0);
    EXPECT_DOUBLE_EQ(value("x.buffer_bytes"), 12345.0);
    EXPECT_DOUBLE_EQ(value("x.hol_delay_ms"), 17.5);
    EXPECT_DOUBLE_EQ(value("x.offered_kbps"), 80000.0);
    EXPECT_DOUBLE_EQ(value("x.goodput_kbps"), 70400.0);
    EXPECT_DOUBLE_EQ(value("x.packet_delay_ms"), 10.0);
    EXPECT_DOUBLE_EQ(value("x.deadline_miss_ratio"), 155.0 / 990.0);
    EXPECT_DOUBLE_EQ(value("x.air_loss_ratio"), 20.0 / 900.0);
    EXPECT_DOUBLE_EQ(value("x.packets_late"), 45.0);
}

TEST(SliceKpm, CountsOnlyWhatTheWindowHolds)
{
    auto now = Window();
    const auto before = Window();
    now.prbUsed += 100;
    now.prbAvailable += 250;
    now.packetsSent += 3;
    EXPECT_DOUBLE_EQ(SliceValue("RRU.PrbUsedDl", before, now, 10.0), 10.0);
    EXPECT_DOUBLE_EQ(SliceValue("RRU.PrbAvailDl", before, now, 10.0), 25.0);
    EXPECT_DOUBLE_EQ(SliceValue("x.prb_used_ratio", before, now, 10.0), 0.4);
    EXPECT_DOUBLE_EQ(SliceValue("x.packets_sent", before, now, 10.0), 3.0);
    EXPECT_DOUBLE_EQ(SliceValue("x.packet_delay_ms", before, now, 10.0), 0.0);
}

TEST(SliceKpm, CountsPrbsPerSlotWhereTtisAreShorter)
{
    EXPECT_DOUBLE_EQ(SliceValue("RRU.PrbUsedDl", {}, Window(), 100.0, 0.5), 6.25);
}

TEST(SliceKpm, ShowsThatPacketsAreConserved)
{
    const auto before = Window();
    auto now = Window();
    now.packetsSent += 50;
    now.packetsDelivered += 45;
    now.packetsDroppedQueue += 4;
    now.packetsLostAir -= 2; // losses inferred before, taken back
    now.packetsQueued = before.packetsQueued + 50 - 45 - 4 + 2;
    const auto value = [&](std::string_view name) { return SliceValue(name, before, now); };
    EXPECT_EQ(value("x.packets_lost"), -2.0);
    EXPECT_EQ(value("x.packets_queued"),
              static_cast<double>(before.packetsQueued) + value("x.packets_sent") -
                  value("x.packets_delivered") - value("x.packets_dropped") -
                  value("x.packets_lost"));
    EXPECT_EQ(value("x.air_loss_ratio"), 0.0);
    EXPECT_GE(value("x.deadline_miss_ratio"), 0.0);
}

TEST(SliceKpm, IsZeroWhereThereIsNothingToDivideBy)
{
    const auto same = Window();
    for (const auto& kpm : SliceKpmTable())
    {
        const double empty = kpm.compute({}, {}, {0.0, SLICE});
        EXPECT_EQ(empty, 0.0) << kpm.name;
        const double idle = kpm.compute(same, same, {100.0, SLICE});
        EXPECT_TRUE(kpm.type == "SI" || idle == 0.0) << kpm.name;
    }
    for (const auto& kpm : UeKpmTable())
    {
        EXPECT_TRUE(std::isfinite(kpm.compute({}, {}, {0.0, SLICE}))) << kpm.name;
    }
}

TEST(UeKpm, HasTheValuesOfAWorkedExample)
{
    UeCounters now;
    now.bytesSent = 25'000;
    now.bytesDelivered = 12'500;
    now.packetsSent = 20;
    now.packetsDelivered = 10;
    now.packetsLost = 4;
    now.packetsLate = 3;
    now.packetDelay_ms = 55.0;
    now.prbUsed = 150;
    now.tb = 12;
    now.tbError = 2;
    now.bufferBytes = 999;
    now.holDelay_ms = 4.0;
    now.ewmaThroughput_bps = 1.5e6;
    now.timeSinceServed_ms = 3.0;
    now.cqi = 11;
    now.spectralEfficiency = 3.3223;
    now.weight = 2.0;
    now.powerOffset_db = -3.0;
    const auto value = [&](std::string_view name) { return UeValue(name, {}, now); };
    EXPECT_DOUBLE_EQ(value("x.offered_kbps"), 2000.0);
    EXPECT_DOUBLE_EQ(value("x.goodput_kbps"), 1000.0);
    EXPECT_DOUBLE_EQ(value("x.packets_sent"), 20.0);
    EXPECT_DOUBLE_EQ(value("x.packets_delivered"), 10.0);
    EXPECT_DOUBLE_EQ(value("x.packets_lost"), 4.0);
    EXPECT_DOUBLE_EQ(value("x.packets_late"), 3.0);
    EXPECT_DOUBLE_EQ(value("x.packet_delay_ms"), 5.5);
    EXPECT_DOUBLE_EQ(value("RRU.PrbUsedDl"), 1.5);
    EXPECT_DOUBLE_EQ(value("TB.TotNbrDl"), 12.0);
    EXPECT_DOUBLE_EQ(value("TB.ErrTotNbrDl"), 2.0);
    EXPECT_DOUBLE_EQ(value("x.buffer_bytes"), 999.0);
    EXPECT_DOUBLE_EQ(value("x.hol_delay_ms"), 4.0);
    EXPECT_DOUBLE_EQ(value("x.ewma_throughput_kbps"), 1500.0);
    EXPECT_DOUBLE_EQ(value("x.time_since_served_ms"), 3.0);
    EXPECT_DOUBLE_EQ(value("x.cqi"), 11.0);
    EXPECT_DOUBLE_EQ(value("x.spectral_efficiency_bps_hz"), 3.3223);
    EXPECT_DOUBLE_EQ(value("x.weight"), 2.0);
    EXPECT_DOUBLE_EQ(value("x.power_offset_db"), -3.0);
    EXPECT_DOUBLE_EQ(value("x.delay_budget_ms"), 300.0);
}

template <typename Definition>
void ExpectWellFormed(std::span<const Definition> table)
{
    std::set<std::string_view> names;
    for (const auto& kpm : table)
    {
        EXPECT_TRUE(names.insert(kpm.name).second) << kpm.name << " is there twice";
        EXPECT_TRUE(kpm.type == "CC" || kpm.type == "DER" || kpm.type == "SI") << kpm.name;
        EXPECT_FALSE(kpm.unit.empty()) << kpm.name;
        EXPECT_FALSE(kpm.description.empty()) << kpm.name;
        EXPECT_NE(kpm.compute, nullptr) << kpm.name;
        if (kpm.name.starts_with("x."))
        {
            EXPECT_EQ(kpm.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_", 2),
                      std::string_view::npos)
                << kpm.name;
        }
    }
}

TEST(KpmTable, HasWellFormedRowsOfDistinctNames)
{
    ExpectWellFormed(SliceKpmTable());
    ExpectWellFormed(UeKpmTable());
    EXPECT_EQ(SliceKpmTable().size(), 10U + 8U + 11U + 16U + 32U);
    EXPECT_EQ(UeKpmTable().size(), 19U);
}

TEST(KpmTable, HasNoCellMeasurementAmongThoseOfSlices)
{
    EXPECT_THROW(SliceKpmColumn("RRU.PrbTotDl"), std::out_of_range);
    EXPECT_THROW(UeKpmColumn("x.nonsense"), std::out_of_range);
}

} // namespace slicebridge
