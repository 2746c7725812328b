// SPDX-License-Identifier: GPL-2.0-only
// The pieces of the sliced scheduler, each with known answers.
#include "lte/dl-buffers.h"
#include "lte/dl-cqi.h"
#include "lte/dl-decision.h"
#include "lte/dl-grid.h"
#include "lte/dl-harq.h"
#include "lte/tb-table.h"

#include "ns3/ff-mac-common.h"

#include <bit>
#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace slicebridge
{
namespace
{

TbTable Table(uint32_t rbgSize_prb = 2, uint32_t rbgs = 12)
{
    TbTable table;
    table.Build(rbgSize_prb, rbgs);
    return table;
}

TEST(TbTable, RbgSizesAreThoseOfTs36213)
{
    const std::map<uint32_t, uint32_t> sizes{{6, 1},
                                             {10, 1},
                                             {11, 2},
                                             {25, 2},
                                             {26, 2},
                                             {27, 3},
                                             {50, 3},
                                             {63, 3},
                                             {64, 4},
                                             {100, 4}};
    for (const auto& [prb, size] : sizes)
    {
        EXPECT_EQ(RbgSizeOf(prb), size) << prb << " PRBs";
    }
}

TEST(TbTable, BlockSizesAreThoseOfTs36213)
{
    EXPECT_EQ(Table().Bytes(0, 12), 648U / 8);         // I_TBS 0, 24 PRBs
    EXPECT_EQ(Table(4, 25).Bytes(28, 25), 75376U / 8); // I_TBS 26, 100 PRBs
    EXPECT_EQ(Table().McsOfCqi(15), 28);
}

// --- RBG grid ---

TEST(DlGrid, RepetitionKeepsItsRbgsIfAllAreFree)
{
    DlGrid grid;
    grid.Reset(12, 0xFFF);
    EXPECT_EQ(grid.Place(0b110), 0b110U);
}

TEST(DlGrid, RepetitionMovesToTheNextFreeRbgsInCircle)
{
    DlGrid grid;
    grid.Reset(12, 0xFFF);
    grid.Take(0b1000'0000'0010);
    EXPECT_EQ(grid.Place(0b1100'0000'0000), 0b101U); // after RBG 11: 0, then 2, as 1 is taken
}

TEST(DlGrid, RepetitionFindsNoPlaceWhereTooFewRbgsAreFree)
{
    DlGrid grid;
    grid.Reset(12, 0b111);
    EXPECT_EQ(grid.Place(0b1111), std::nullopt);
    EXPECT_EQ(grid.Units(), 3U);
}

// --- HARQ ---

ns3::DlInfoListElement_s Feedback(uint8_t process,
                                  std::vector<ns3::DlInfoListElement_s::HarqStatus_e> status)
{
    ns3::DlInfoListElement_s feedback;
    feedback.m_rnti = 1;
    feedback.m_harqProcessId = process;
    feedback.m_harqStatus = std::move(status);
    return feedback;
}

constexpr auto ACK = ns3::DlInfoListElement_s::ACK;
constexpr auto NACK = ns3::DlInfoListElement_s::NACK;

/// Sends a block of `layers` layers of 100 bytes on two logical channels.
uint8_t Send(DlHarq& harq, uint64_t tti, std::size_t layers = 1)
{
    const uint8_t index = *harq.NextFree(tti);
    auto& process = harq.Start(index, tti);
    process.block = {};
    process.block.m_dci.m_rbBitmap = 0b11;
    process.block.m_dci.m_ndi.assign(layers, 1);
    process.block.m_dci.m_rv.assign(layers, 0);
    process.block.m_dci.m_mcs.assign(layers, 5);
    process.block.m_dci.m_tbsSize.assign(layers, 100);
    process.block.m_rlcPduList.resize(2);
    return index;
}

TEST(DlHarq, HasEightProcessesThatAreUsedInTurn)
{
    DlHarq harq;
    std::vector<uint8_t> order;
    for (int i = 0; i < 8; ++i)
    {
        order.push_back(Send(harq, 1));
    }
    EXPECT_EQ(order, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 0}));
    EXPECT_EQ(harq.NextFree(1), std::nullopt);
}

TEST(DlHarq, AckFreesAProcess)
{
    DlHarq harq;
    for (int i = 0; i < 8; ++i)
    {
        Send(harq, 1);
    }
    EXPECT_EQ(harq.Feedback(Feedback(3, {ACK}), 8), DlHarqResult::Done);
    EXPECT_EQ(harq.NextFree(8), 3);
}

TEST(DlHarq, ProcessIsGivenUpWithoutFeedback)
{
    DlHarq harq;
    for (int i = 0; i < 8; ++i)
    {
        Send(harq, 1);
    }
    EXPECT_EQ(harq.NextFree(12), std::nullopt);
    EXPECT_EQ(harq.NextFree(13), 1);
    EXPECT_EQ(harq.Feedback(Feedback(1, {NACK}), 13), DlHarqResult::Stale);
}

TEST(DlHarq, FailedProcessWaitsForItsRepetitionAsLongAsItTakes)
{
    DlHarq harq;
    const uint8_t process = Send(harq, 1);
    EXPECT_EQ(harq.Feedback(Feedback(process, {NACK}), 8), DlHarqResult::Failed);
    for (int i = 0; i < 7; ++i)
    {
        EXPECT_NE(Send(harq, 100), process);
    }
    EXPECT_EQ(harq.NextFree(100), std::nullopt);
}

TEST(DlHarq, BlockIsLostAfterFourTransmissions)
{
    DlHarq harq;
    const uint8_t process = Send(harq, 0);
    for (uint8_t repetition = 1; repetition <= 3; ++repetition)
    {
        ASSERT_EQ(harq.Feedback(Feedback(process, {NACK}), 8 * repetition), DlHarqResult::Failed);
        const auto& block = harq.Repeat(process, 0b1100, 8 * repetition);
        EXPECT_EQ(block.m_dci.m_rv[0], repetition);
        EXPECT_EQ(block.m_dci.m_ndi[0], 0);
        EXPECT_EQ(block.m_dci.m_rbBitmap, 0b1100U);
        EXPECT_EQ(block.m_rlcPduList.size(), 1U);
    }
    EXPECT_EQ(harq.Feedback(Feedback(process, {NACK}), 32), DlHarqResult::Lost);
    EXPECT_EQ(harq.Feedback(Feedback(process, {NACK}), 32), DlHarqResult::Stale);
}

TEST(DlHarq, OnlyTheFailedLayerIsRepeated)
{
    DlHarq harq;
    const uint8_t process = Send(harq, 0, 2);
    ASSERT_EQ(harq.Feedback(Feedback(process, {ACK, NACK}), 7), DlHarqResult::Failed);
    const auto& dci = harq.Repeat(process, 0b11, 7).m_dci;
    EXPECT_EQ(dci.m_tbsSize, (std::vector<uint16_t>{0, 100}));
    EXPECT_EQ(dci.m_rv, (std::vector<uint8_t>{0, 1}));
    EXPECT_EQ(harq.Feedback(Feedback(process, {NACK, ACK}), 14), DlHarqResult::Done);
}

TEST(DlHarq, FeedbackForAnUnknownProcessIsIgnored)
{
    DlHarq harq;
    EXPECT_EQ(harq.Feedback(Feedback(8, {NACK}), 1), DlHarqResult::Stale);
    EXPECT_EQ(harq.Feedback(Feedback(2, {NACK}), 1), DlHarqResult::Stale);
}

// --- Buffers ---

DlBuffers::RlcReport Report(uint8_t lcid,
                            uint32_t tx,
                            uint16_t hol_ms = 0,
                            uint32_t retx = 0,
                            uint16_t status = 0)
{
    DlBuffers::RlcReport report{};
    report.m_rnti = 1;
    report.m_logicalChannelIdentity = lcid;
    report.m_rlcTransmissionQueueSize = tx;
    report.m_rlcTransmissionQueueHolDelay = hol_ms;
    report.m_rlcRetransmissionQueueSize = retx;
    report.m_rlcRetransmissionHolDelay = hol_ms;
    report.m_rlcStatusPduSize = status;
    return report;
}

TEST(DlBuffers, HeadOfLineDelayAgesSinceTheReport)
{
    DlBuffers buffers;
    buffers.Report(Report(3, 100, 7), 50);
    EXPECT_EQ(buffers.DataHolDelay_ms(50), 7.0);
    EXPECT_EQ(buffers.DataHolDelay_ms(55), 12.0);
    buffers.Fill({200});
    EXPECT_EQ(buffers.DataHolDelay_ms(56), 0.0);
}

TEST(DlBuffers, SignallingGoesFirstAndDataShareTheRest)
{
    DlBuffers buffers;
    buffers.Report(Report(4, 1000), 1);
    buffers.Report(Report(3, 1000), 1);
    buffers.Report(Report(1, 36), 1);
    EXPECT_EQ(buffers.SignallingBytes(), 40U); // and the header of RLC AM
    const auto pdus = buffers.Fill({100});
    ASSERT_EQ(pdus.size(), 3U);
    EXPECT_EQ(pdus[0][0].m_logicalChannelIdentity, 1);
    EXPECT_EQ(pdus[0][0].m_size, 40);
    EXPECT_EQ(pdus[1][0].m_size, 30);
    EXPECT_EQ(pdus[2][0].m_size, 30);
    EXPECT_EQ(buffers.SignallingBytes(), 0U);
    EXPECT_EQ(buffers.DataBytes(), 2U * (1000 - 28 + 2)); // 2 bytes of header in each PDU
}

TEST(DlBuffers, UnacknowledgedDataClaimNoRoomBesideNewData)
{
    DlBuffers buffers;
    buffers.Report(Report(3, 100, 0, 5000), 1);
    EXPECT_EQ(buffers.DataBytes(), 102U);
    buffers.Report(Report(3, 0, 0, 500), 2);
    EXPECT_EQ(buffers.DataBytes(), 502U);
    buffers.Fill({502});
    EXPECT_EQ(buffers.DataBytes(), 0U);
}

TEST(DlBuffers, StatusPduIsSentBeforeData)
{
    DlBuffers buffers;
    buffers.Report(Report(3, 100, 0, 0, 4), 1);
    buffers.Fill({50});
    EXPECT_EQ(buffers.DataBytes(), 102U);
}

TEST(DlBuffers, ReleasedChannelIsForgotten)
{
    DlBuffers buffers;
    buffers.Report(Report(3, 100), 1);
    buffers.Remove(3);
    EXPECT_EQ(buffers.DataBytes(), 0U);
    EXPECT_TRUE(buffers.Fill({50}).empty());
}

TEST(DlBuffers, BlockTooSmallForAHeaderTakesNothing)
{
    DlBuffers buffers;
    buffers.Report(Report(3, 100), 1);
    buffers.Fill({2});
    EXPECT_EQ(buffers.DataBytes(), 102U);
}

// --- CQI ---

ns3::CqiListElement_s Wideband(uint8_t cqi)
{
    ns3::CqiListElement_s report;
    report.m_rnti = 1;
    report.m_cqiType = ns3::CqiListElement_s::P10;
    report.m_wbCqi = {cqi};
    return report;
}

ns3::CqiListElement_s Subband(const std::vector<uint8_t>& cqi)
{
    ns3::CqiListElement_s report;
    report.m_rnti = 1;
    report.m_cqiType = ns3::CqiListElement_s::A30;
    for (const uint8_t value : cqi)
    {
        ns3::HigherLayerSelected_s band;
        band.m_sbCqi = {value};
        report.m_sbMeasResult.m_higherLayerSelected.push_back(band);
    }
    return report;
}

TEST(DlCqi, SubbandPrevailsThenWidebandThenTheLowest)
{
    const TbTable table = Table(2, 3);
    DlCqi cqi(table);
    EXPECT_EQ(cqi.Mcs(0, 0b111), table.McsOfCqi(1));
    cqi.Report(Wideband(9), 1);
    EXPECT_EQ(cqi.Mcs(0, 0b111), table.McsOfCqi(9));
    cqi.Report(Subband({15, 4, 0}), 2);
    cqi.Report(Wideband(12), 3);
    EXPECT_EQ(cqi.Mcs(0, 0b001), table.McsOfCqi(15));
    EXPECT_EQ(cqi.Mcs(0, 0b011), table.McsOfCqi(4)); // the worst of them
    EXPECT_EQ(cqi.Rate_bps(2), 0.0);                 // out of range there
    EXPECT_EQ(cqi.Rate_bps(0), 8000.0 * table.Bytes(28, 1));
    EXPECT_TRUE(cqi.InRange());

    cqi.Expire(1001, 1000);
    EXPECT_EQ(cqi.Mcs(0, 0b001), table.McsOfCqi(15));
    cqi.Expire(1002, 1000);
    EXPECT_EQ(cqi.Mcs(0, 0b001), table.McsOfCqi(12));
    cqi.Expire(1003, 1000);
    EXPECT_EQ(cqi.Mcs(0, 0b001), table.McsOfCqi(1));
    EXPECT_EQ(cqi.Wideband(), 12);
}

TEST(DlCqi, RbgsForABufferAreTheFewestThatHoldIt)
{
    const TbTable table = Table();
    DlCqi cqi(table);
    cqi.Report(Wideband(10), 1);
    const uint8_t mcs = table.McsOfCqi(10);
    EXPECT_EQ(cqi.RbgsFor(1), 1U);
    EXPECT_EQ(cqi.RbgsFor(table.Bytes(mcs, 5)), 5U);
    EXPECT_EQ(cqi.RbgsFor(table.Bytes(mcs, 5) + 1), 6U);
    EXPECT_EQ(cqi.RbgsFor(1'000'000), 12U);
}

TEST(DlCqi, ReportShorterThanTheCarrierLeavesTheLowestCqi)
{
    const TbTable table = Table();
    DlCqi cqi(table);
    cqi.Report(Subband({15}), 1);
    EXPECT_EQ(cqi.Mcs(0, 1U << 11), table.McsOfCqi(1));
}

// --- Decision ---

/// A cell in which every UE may use every RBG but those named.
class TestFfr : public ns3::LteFfrSapProvider
{
  public:
    std::vector<bool> GetAvailableDlRbg() override
    {
        return {};
    }

    bool IsDlRbgAvailableForUe(int rbg, uint16_t rnti) override
    {
        return !barred.contains({rbg, rnti});
    }

    std::vector<bool> GetAvailableUlRbg() override
    {
        return {};
    }

    bool IsUlRbgAvailableForUe(int, uint16_t) override
    {
        return true;
    }

    void ReportDlCqiInfo(const ns3::FfMacSchedSapProvider::SchedDlCqiInfoReqParameters&) override
    {
    }

    void ReportUlCqiInfo(const ns3::FfMacSchedSapProvider::SchedUlCqiInfoReqParameters&) override
    {
    }

    void ReportUlCqiInfo(std::map<uint16_t, std::vector<double>>) override
    {
    }

    uint8_t GetTpc(uint16_t) override
    {
        return 1;
    }

    uint16_t GetMinContinuousUlBandwidth() override
    {
        return 25;
    }

    std::map<std::pair<int, uint16_t>, bool> barred;
};

class DlDecisionTest : public ::testing::Test
{
  protected:
    DlDecisionTest()
    {
        m_grid.Reset(12, 0xFFF);
    }

    DlUe& Add(DlDecision& decision, std::size_t slice, std::vector<uint8_t> cqi, uint32_t wanted)
    {
        const auto rnti = static_cast<uint16_t>(m_ues.size() + 1);
        m_ues.push_back(std::make_unique<DlUe>(rnti, m_table, 0));
        DlUe& ue = *m_ues.back();
        cqi.resize(12, cqi.back());
        ue.cqi.Report(Subband(cqi), 0);
        ue.wantedUnits = wanted;
        ue.ranking.averageRate_bps = 1.0;
        decision.Add(slice, ue);
        return ue;
    }

    TbTable m_table{Table()};
    DlGrid m_grid;
    TestFfr m_ffr;
    std::vector<std::unique_ptr<DlUe>> m_ues;
};

TEST_F(DlDecisionTest, SlicesAlternateInProportionToTheirGrants)
{
    DlDecision decision({SchedulingRule::ProportionalFair, SchedulingRule::ProportionalFair});
    const DlUe& a = Add(decision, 0, {10}, 12);
    const DlUe& b = Add(decision, 1, {10}, 12);
    const std::vector<uint32_t> granted{8, 4};
    decision.Assign(granted, m_grid, m_ffr);
    EXPECT_EQ(a.units, 8U);
    EXPECT_EQ(b.units, 4U);
    for (uint32_t third = 0; third < 4; ++third) // spread, not one block after the other
    {
        EXPECT_EQ(std::popcount(a.dataRbgs >> (3 * third) & 0b111U), 2);
    }
    EXPECT_EQ(m_grid.Free(), 0U);
}

TEST_F(DlDecisionTest, UeWithTheBetterSubbandGetsIt)
{
    DlDecision decision({SchedulingRule::MaxCqi});
    const DlUe& low = Add(decision, 0, {15, 15, 15, 15, 15, 15, 3}, 12);
    const DlUe& high = Add(decision, 0, {3, 3, 3, 3, 3, 3, 15}, 12);
    const std::vector<uint32_t> granted{12};
    decision.Assign(granted, m_grid, m_ffr);
    EXPECT_EQ(low.dataRbgs, 0b000000111111U);
    EXPECT_EQ(high.dataRbgs, 0b111111000000U);
}

TEST_F(DlDecisionTest, UeGetsNoMoreThanItWants)
{
    DlDecision decision({SchedulingRule::MaxCqi});
    const DlUe& good = Add(decision, 0, {15}, 3);
    const DlUe& bad = Add(decision, 0, {2}, 12);
    EXPECT_EQ(decision.Wanted(0), 15U);
    const std::vector<uint32_t> granted{12};
    decision.Assign(granted, m_grid, m_ffr);
    EXPECT_EQ(good.units, 3U);
    EXPECT_EQ(bad.units, 9U);
}

TEST_F(DlDecisionTest, SliceOutOfRangeOnEarlyRbgsStillGetsItsGrant)
{
    DlDecision decision({SchedulingRule::MaxCqi, SchedulingRule::MaxCqi});
    std::vector<uint8_t> lateOnly(12, 0);
    lateOnly[10] = lateOnly[11] = 8;
    const DlUe& picky = Add(decision, 0, lateOnly, 2);
    const DlUe& other = Add(decision, 1, {9}, 12);
    const std::vector<uint32_t> granted{2, 10};
    decision.Assign(granted, m_grid, m_ffr);
    EXPECT_EQ(picky.dataRbgs, 0b110000000000U);
    EXPECT_EQ(other.units, 10U);
}

TEST_F(DlDecisionTest, FrequencyReuseIsRespected)
{
    DlDecision decision({SchedulingRule::MaxCqi});
    const DlUe& barred = Add(decision, 0, {15}, 12);
    const DlUe& other = Add(decision, 0, {3}, 12);
    m_ffr.barred[{4, barred.rnti}] = true;
    const std::vector<uint32_t> granted{12};
    decision.Assign(granted, m_grid, m_ffr);
    EXPECT_EQ(other.dataRbgs, 1U << 4);
    EXPECT_EQ(barred.units, 11U);
}

TEST_F(DlDecisionTest, RoundRobinGoesToTheLongestWaitingThenInTurn)
{
    DlDecision decision({SchedulingRule::RoundRobin});
    for (uint64_t age : {1U, 5U, 3U})
    {
        Add(decision, 0, {10}, 12).ranking.ttisSinceServed = age;
    }
    const std::vector<uint32_t> granted{2};
    decision.Assign(granted, m_grid, m_ffr);
    EXPECT_EQ(m_ues[0]->units, 0U);
    EXPECT_EQ(m_ues[1]->dataRbgs, 0b01U);
    EXPECT_EQ(m_ues[2]->dataRbgs, 0b10U);

    for (auto& ue : m_ues)
    {
        ue->BeginTti();
        ue->wantedUnits = 12;
    }
    m_grid.Reset(12, 0xFFF);
    const std::vector<uint32_t> all{12};
    decision.Assign(all, m_grid, m_ffr);
    for (const auto& ue : m_ues)
    {
        EXPECT_EQ(ue->units, 4U);
    }
}

} // namespace
} // namespace slicebridge
