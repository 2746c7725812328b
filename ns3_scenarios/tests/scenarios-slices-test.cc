// SPDX-License-Identifier: GPL-2.0-only
//
// Slices of whole programs, on every network: shares, what is lent and what stays idle, caps, and
// measurements against the packets.
#include "program.h"
#include "scenario-builder.h"

#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace slicebridge
{
namespace
{

using Json = nlohmann::json;
using Rows = std::vector<std::map<std::string, double>>;

constexpr uint32_t UES = 2; ///< of a slice
constexpr uint32_t PACKET_BYTES = 1200;
/// Headers of IP and UDP.
constexpr uint32_t HEADER_BYTES = 28;

struct Policy
{
    double dedicated;
    double min;
    double max;
};

/// Three slices of two UEs in one cell at a constant SINR, the DU no limit, all of them silent.
Json ThreeSlices(const Network& network, const std::array<Policy, 3>& policies)
{
    auto scenario = network.Scenario();
    scenario["du"] = {{"compute_bps", 1e12},
                      {"compute_overhead_bytes", 0},
                      {"queue_packets", 100'000}};
    auto& propagation = scenario["propagation"];
    propagation.update({{"model", "constant-sinr"}, {"sinr_db", 15.0}, {"fading", "none"}});
    if (network.nr)
    {
        propagation.update(
            {{"line_of_sight", nullptr}, {"shadowing", nullptr}, {"delay_spread_ns", nullptr}});
    }
    scenario["slices"] = Json::array();
    for (std::size_t i = 0; i < policies.size(); ++i)
    {
        auto slice = SliceJson("slice" + std::to_string(i), 1, PACKET_BYTES);
        slice["policy"] = {{"dedicated", policies[i].dedicated},
                           {"min", policies[i].min},
                           {"max", policies[i].max}};
        slice["traffic"]["load"]["factor"] = 0.0;
        scenario["slices"].push_back(slice);
    }
    return scenario;
}

/// Gives a slice more than the whole cell can carry.
void Saturate(Json& scenario, const Network& network, std::size_t slice)
{
    auto& traffic = scenario["slices"][slice]["traffic"];
    traffic["load"]["factor"] = 1.0;
    traffic["rate_mbps"] = network.nr ? 45.0 : 10.0;
}

class ScenariosSlices : public ::testing::TestWithParam<Network>
{
  protected:
    Rows Run(const Json& scenario, const std::string& records = "slices.raw")
    {
        const auto file = m_directory / "scenario.json";
        WriteFile(file, scenario.dump());
        const Program program(
            m_directory,
            {"--scenario", file.string(), "--out", (m_directory / "out").string()});
        EXPECT_EQ(program.Wait(), 0) << program.Errors();
        return ReadRecords(m_directory / "out" / records);
    }

    Rows Read(const std::string& records) const
    {
        return ReadRecords(m_directory / "out" / records);
    }

    /// Part of the cell's PRBs that each slice used.
    static std::array<double, 3> Shares(const Rows& rows)
    {
        std::array<double, 3> used{};
        std::array<double, 3> available{};
        for (const auto& row : rows)
        {
            const auto slice = static_cast<std::size_t>(row.at("slice"));
            used.at(slice) += row.at("RRU.PrbUsedDl");
            available.at(slice) += row.at("RRU.PrbAvailDl");
        }
        return {used[0] / available[0], used[1] / available[1], used[2] / available[2]};
    }

  private:
    TemporaryDirectory m_directory;
};

INSTANTIATE_TEST_SUITE_P(Networks,
                         ScenariosSlices,
                         ::testing::ValuesIn(NETWORKS),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(ScenariosSlices, SharesAtSaturationAreThoseOfThePolicy)
{
    auto scenario = ThreeSlices(GetParam(), {{{0, 0.5, 1}, {0, 0.3, 1}, {0, 0.2, 1}}});
    for (std::size_t slice = 0; slice < 3; ++slice)
    {
        Saturate(scenario, GetParam(), slice);
    }
    const auto shares = Shares(Run(scenario));
    EXPECT_NEAR(shares[0], 0.5, 0.01);
    EXPECT_NEAR(shares[1], 0.3, 0.01);
    EXPECT_NEAR(shares[2], 0.2, 0.01);
}

TEST_P(ScenariosSlices, TheDedicatedShareOfAnIdleSliceStaysIdleAndItsMinimumIsLent)
{
    auto scenario = ThreeSlices(GetParam(), {{{0.25, 0.5, 1}, {0, 0.3, 1}, {0, 0.2, 1}}});
    Saturate(scenario, GetParam(), 1);
    Saturate(scenario, GetParam(), 2);
    const auto shares = Shares(Run(scenario));
    EXPECT_EQ(shares[0], 0.0);
    EXPECT_NEAR(shares[1] + shares[2], 0.75, 0.01);
    EXPECT_GT(shares[1], 0.31);
    EXPECT_GT(shares[2], 0.21);
}

TEST_P(ScenariosSlices, TheCapHoldsInEveryEpochThoughTheRestIsIdle)
{
    auto scenario = ThreeSlices(GetParam(), {{{0, 0.2, 0.4}, {0, 0.3, 1}, {0, 0.3, 1}}});
    Saturate(scenario, GetParam(), 0);
    const auto rows = Run(scenario);
    for (const auto& row : rows)
    {
        const double cap = row.at("slice") == 0.0 ? 0.4 : 0.0;
        EXPECT_LE(row.at("x.prb_used_ratio"), cap + 1e-6);
        EXPECT_EQ(row.at("x.prb_retx_over_cap"), 0.0);
    }
    // Whole RBGs in every TTI: at least one less than the cap, of twelve or more.
    EXPECT_GT(Shares(rows)[0], 0.4 - 1.0 / 12.0);
}

TEST_P(ScenariosSlices, ASliceWithoutCapTakesWhatNobodyElseWants)
{
    auto scenario = ThreeSlices(GetParam(), {{{0, 0.1, 1}, {0, 0.4, 1}, {0, 0.5, 1}}});
    Saturate(scenario, GetParam(), 0);
    EXPECT_GT(Shares(Run(scenario))[0], 0.99);
}

TEST_P(ScenariosSlices, IdleSlicesMeasureNothing)
{
    const auto rows = Run(ThreeSlices(GetParam(), {{{0, 0.3, 1}, {0, 0.3, 1}, {0.2, 0.3, 1}}}));
    ASSERT_EQ(rows.size(), 30U);
    for (const auto& row : rows)
    {
        for (const char* name : {"RRU.PrbUsedDl",
                                 "TB.TotNbrDl",
                                 "DRB.UEThpDl",
                                 "DRB.PdcpSduVolumeDL",
                                 "DRB.MeanActiveUeDl",
                                 "x.power_used_ratio",
                                 "x.compute_used_ratio",
                                 "x.buffer_bytes",
                                 "x.hol_delay_ms",
                                 "x.packets_sent"})
        {
            EXPECT_EQ(row.at(name), 0.0) << name;
        }
        EXPECT_EQ(row.at("x.ues"), 2.0);
        EXPECT_GT(row.at("RRU.PrbAvailDl"), 20.0);
    }
}

/// Packets of which all arrive: every measurement of them has a known value.
TEST_P(ScenariosSlices, MeasurementsAreThoseOfThePackets)
{
    auto scenario = ThreeSlices(GetParam(), {{{0, 0.4, 1}, {0, 0.3, 1}, {0, 0.3, 1}}});
    scenario["recording"] = {{"packets", "all"}, {"ues", false}};
    for (auto& slice : scenario["slices"])
    {
        slice["traffic"]["rate_mbps"] = 0.8;
        slice["traffic"]["load"] = {
            {"model", "profile"},
            {"factor", nullptr},
            {"points", {{0.0, 0.0}, {0.001, 1.0}, {0.8, 1.0}, {0.8001, 0.0}}},
            {"states", nullptr}};
    }
    const auto rows = Run(scenario);
    std::map<double, double> packets;
    std::map<double, double> delay_ms;
    for (const auto& packet : Read("packets.raw"))
    {
        EXPECT_EQ(packet.at("fate"), 0.0);
        ++packets[packet.at("slice")];
        delay_ms[packet.at("slice")] += packet.at("delay_ns") * 1e-6;
    }
    std::map<double, double> volume_kbit;
    std::map<double, double> measuredDelay_ms;
    std::map<double, double> offered_kbit;
    std::map<double, double> goodput_kbit;
    for (const auto& row : rows)
    {
        const double slice = row.at("slice");
        volume_kbit[slice] += row.at("DRB.PdcpSduVolumeDL");
        measuredDelay_ms[slice] += row.at("x.packet_delay_ms") * row.at("x.packets_delivered");
        offered_kbit[slice] += row.at("x.offered_kbps") * 0.1;
        goodput_kbit[slice] += row.at("x.goodput_kbps") * 0.1;
    }
    for (const double slice : {0.0, 1.0, 2.0})
    {
        const double sent = packets[slice];
        ASSERT_GT(sent, 100.0);
        EXPECT_NEAR(volume_kbit[slice], sent * (PACKET_BYTES + HEADER_BYTES) * 8e-3, 1e-3);
        EXPECT_NEAR(offered_kbit[slice], sent * PACKET_BYTES * 8e-3, 1e-2);
        EXPECT_NEAR(goodput_kbit[slice], sent * PACKET_BYTES * 8e-3, 1e-2);
        EXPECT_NEAR(measuredDelay_ms[slice], delay_ms[slice], 1e-5 * delay_ms[slice]);
    }
}

/// Sums of measurements over epochs, by slice.
using Sums = std::map<double, std::map<std::string, double>>;

TEST_P(ScenariosSlices, BlocksAndPrbsOfUesAddUpToThoseOfTheirSliceRepetitionsIncluded)
{
    auto scenario = GetParam().Scenario();
    scenario["recording"]["ues"] = true;
    for (std::size_t slice = 0; slice < scenario["slices"].size(); ++slice)
    {
        scenario["slices"][slice]["traffic"]["rate_mbps"] = 5.0;
    }
    Sums slices;
    for (const auto& row : Run(scenario))
    {
        auto& sums = slices[row.at("slice")];
        for (const char* name : {"RRU.PrbUsedDl", "TB.TotNbrDl", "TB.ErrTotNbrDl", "x.prb_retx"})
        {
            sums[name] += row.at(name);
        }
        for (int mcs = 0; mcs < 32; ++mcs)
        {
            sums["mcs"] += row.at("CARR.PDSCHMCSDist.Bin" + std::to_string(mcs));
        }
    }
    Sums ues;
    for (const auto& row : Read("ues.raw"))
    {
        for (const char* name : {"RRU.PrbUsedDl", "TB.TotNbrDl", "TB.ErrTotNbrDl"})
        {
            ues[std::floor(row.at("ue") / UES)][name] += row.at(name);
        }
    }
    const double ttisPerEpoch = GetParam().nr ? 200.0 : 100.0;
    for (auto& [slice, sums] : slices)
    {
        EXPECT_GT(sums["TB.ErrTotNbrDl"], 10.0);
        EXPECT_GT(sums["x.prb_retx"], 0.1);
        EXPECT_EQ(ues[slice]["TB.TotNbrDl"], sums["TB.TotNbrDl"]);
        EXPECT_EQ(ues[slice]["TB.ErrTotNbrDl"], sums["TB.ErrTotNbrDl"]);
        const double prb = sums["RRU.PrbUsedDl"];
        EXPECT_NEAR(ues[slice]["RRU.PrbUsedDl"], prb, 1e-4 * prb);
        EXPECT_NEAR(sums["mcs"], prb * ttisPerEpoch, 1e-4 * prb * ttisPerEpoch);
    }
}

/// In the queue and on the air a packet spends all its time but that in the core and, on LTE, that
/// in the eNB's stack: measured delays have to add up to that of the packets.
TEST_P(ScenariosSlices, DelaysOfQueueAndAirAddUpToThoseOfPackets)
{
    auto scenario = ThreeSlices(GetParam(), {{{0, 0.4, 1}, {0, 0.3, 1}, {0, 0.3, 1}}});
    scenario["slices"][0]["traffic"].update({{"rate_mbps", 0.3}, {"packet_bytes", 200}});
    scenario["slices"][0]["traffic"]["load"]["factor"] = 1.0;
    double expected_ms = 0.0;
    double measured_ms = 0.0;
    for (const auto& row : Run(scenario))
    {
        if (row.at("slice") == 0.0)
        {
            EXPECT_GT(row.at("x.packets_delivered"), 20.0);
            expected_ms += row.at("x.packet_delay_ms");
            measured_ms += 0.1 * (row.at("DRB.RlcSduDelayDl") + row.at("DRB.AirIfDelayDl"));
        }
    }
    constexpr double EPOCHS = 10.0;
    const double core_ms = std::string(GetParam().core) == "epc-like" ? 1.0 : 0.0;
    EXPECT_NEAR(measured_ms / EPOCHS, expected_ms / EPOCHS - core_ms, 0.01 * expected_ms / EPOCHS);
}

/// A UE with data all the time gets, while it has a burst, what it gets at all.
TEST_P(ScenariosSlices, ThroughputInBurstsIsThatOfASaturatedUe)
{
    auto scenario = ThreeSlices(GetParam(), {{{0, 0.5, 0.5}, {0, 0.3, 1}, {0, 0.2, 1}}});
    scenario["slices"][0]["ues"] = 1;
    scenario["timing"]["warm_up_s"] = 0.5;
    scenario["timing"]["duration_s"] = 2.0;
    Saturate(scenario, GetParam(), 0);
    double burst_kbps = 0.0;
    double volume_kbps = 0.0;
    for (const auto& row : Run(scenario))
    {
        if (row.at("slice") == 0.0)
        {
            burst_kbps += row.at("DRB.UEThpDl");
            volume_kbps += row.at("x.goodput_kbps") * (PACKET_BYTES + HEADER_BYTES) / PACKET_BYTES;
            EXPECT_NEAR(row.at("DRB.MeanActiveUeDl"), 1.0, 0.01);
        }
    }
    EXPECT_NEAR(burst_kbps, volume_kbps, 0.01 * volume_kbps);
}

} // namespace
} // namespace slicebridge
