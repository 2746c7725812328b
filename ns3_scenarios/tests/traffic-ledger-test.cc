// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/packet-ledger.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <rapidcheck/gtest.h>
#include <stdexcept>
#include <utility>

namespace slicebridge
{
namespace
{

constexpr std::size_t CELLS = 2;
const std::vector<uint32_t> UE_SLICE{0, 0, 1};
const ns3::Time REORDERING = ns3::MilliSeconds(250);

LedgerConfig Config()
{
    return {.cells = CELLS,
            .ueSlice = UE_SLICE,
            .sliceDelayBudget_ms = {10.0, std::nullopt},
            .reordering = REORDERING};
}

void Advance(ns3::Time time)
{
    ns3::Simulator::Stop(time);
    ns3::Simulator::Run();
}

SliceCounters Read(const PacketLedger& ledger, std::size_t cell, std::size_t slice)
{
    std::vector<SliceCounters> counters(slice + 1);
    ledger.CompleteSlices(cell, counters);
    return counters[slice];
}

bool Balances(const SliceCounters& c)
{
    return c.packetsSent ==
           c.packetsDelivered + c.packetsDroppedQueue + c.packetsLostAir + c.packetsQueued;
}

class TrafficLedger : public ::testing::Test
{
  protected:
    void TearDown() override
    {
        ns3::Simulator::Destroy();
    }
};

TEST_F(TrafficLedger, DeliveredPacketsCountWithBytesAndDelay)
{
    PacketLedger ledger(Config());
    const auto id = ledger.OnSent(0, 1, 500);
    EXPECT_EQ(Read(ledger, 1, 0).packetsQueued, 1U);
    Advance(ns3::MilliSeconds(7));
    ledger.OnDelivered(id);
    const auto counters = Read(ledger, 1, 0);
    EXPECT_EQ(counters.packetsDelivered, 1U);
    EXPECT_EQ(counters.bytesDelivered, 500U);
    EXPECT_EQ(counters.packetsLate, 0U);
    EXPECT_DOUBLE_EQ(counters.packetDelay_ms, 7.0);
    EXPECT_EQ(Read(ledger, 0, 0).packetsSent, 0U);
    EXPECT_EQ(Read(ledger, 1, 1).packetsSent, 0U);
}

TEST_F(TrafficLedger, DeliveriesThatAreReportedLaterCountAtTheirTimeAndBeforeAnythingIsRead)
{
    PacketLedger ledger(Config());
    std::vector<std::pair<PacketId, int64_t>> due;
    ledger.SetCatchUp(
        [&]
        {
            for (const auto& [id, delivered_ns] : std::exchange(due, {}))
            {
                ledger.OnDelivered(id, delivered_ns);
            }
        });
    std::vector<PacketRecord> records;
    ledger.SetRecordSink([&](const PacketRecord& record) { records.push_back(record); });
    ledger.StartMeasurement();
    const auto report = [&](uint32_t ue)
    {
        const auto id = ledger.OnSent(ue, 0, 100);
        Advance(ns3::MilliSeconds(20));
        due.emplace_back(id, ns3::Simulator::Now().GetNanoSeconds() - 11'000'000);
    };
    report(0);
    EXPECT_DOUBLE_EQ(Read(ledger, 0, 0).packetDelay_ms, 9.0);
    EXPECT_EQ(Read(ledger, 0, 0).packetsLate, 0U) << "9 ms, though it was reported after 20";
    report(0);
    std::vector<UeCounters> ues(1);
    ledger.CompleteUes(ues);
    EXPECT_EQ(ues[0].packetsDelivered, 2U);
    report(0);
    EXPECT_EQ(ledger.Measured(0).delivered, 3U);
    report(0);
    EXPECT_EQ(ledger.Delays(0).Total(), 4U);
    report(0);
    ledger.OnQueueDrop(due.front().first);
    EXPECT_EQ(Read(ledger, 0, 0).packetsDroppedQueue, 0U) << "it was delivered before";
    report(0);
    ledger.Close();
    ASSERT_EQ(records.size(), 6U);
    EXPECT_TRUE(std::ranges::all_of(records,
                                    [](const PacketRecord& record)
                                    { return record.delay_ns == 9'000'000; }));
}

TEST_F(TrafficLedger, WhatIsReportedLostIsFinalAtOnceAndWhatIsInferredIsNot)
{
    for (const bool inferred : {false, true})
    {
        auto config = Config();
        config.inferAirLosses = inferred;
        PacketLedger ledger(config);
        std::vector<PacketRecord> records;
        ledger.SetRecordSink([&](const PacketRecord& record) { records.push_back(record); });
        ledger.StartMeasurement();
        ledger.OnQueueDrop(ledger.OnSent(0, 0, 100));
        EXPECT_EQ(records.size(), inferred ? 0U : 1U);
        ledger.Close();
        EXPECT_EQ(records.size(), 1U);
    }
}

TEST_F(TrafficLedger, OnlyDelaysAboveTheBudgetAreLate)
{
    PacketLedger ledger(Config());
    const auto punctual = ledger.OnSent(0, 0, 100);
    const auto late = ledger.OnSent(0, 0, 100);
    const auto unbounded = ledger.OnSent(2, 0, 100);
    Advance(ns3::MilliSeconds(10));
    ledger.OnDelivered(punctual);
    Advance(ns3::NanoSeconds(1));
    ledger.OnDelivered(late);
    ledger.OnDelivered(unbounded);
    EXPECT_EQ(Read(ledger, 0, 0).packetsLate, 1U);
    EXPECT_EQ(Read(ledger, 0, 1).packetsLate, 0U);
}

TEST_F(TrafficLedger, APacketCountsInTheCellItWasSentIn)
{
    PacketLedger ledger(Config());
    const auto before = ledger.OnSent(0, 0, 100);
    const auto after = ledger.OnSent(0, 1, 100);
    ledger.OnDelivered(before);
    ledger.OnDelivered(after);
    EXPECT_EQ(Read(ledger, 0, 0).packetsDelivered, 1U);
    EXPECT_EQ(Read(ledger, 1, 0).packetsDelivered, 1U);
}

TEST_F(TrafficLedger, ASecondDeliveryChangesNothing)
{
    PacketLedger ledger(Config());
    const auto id = ledger.OnSent(0, 0, 100);
    ledger.OnDelivered(id);
    ledger.OnDelivered(id);
    EXPECT_EQ(Read(ledger, 0, 0).packetsDelivered, 1U);
    EXPECT_EQ(Read(ledger, 0, 0).bytesDelivered, 100U);
}

TEST_F(TrafficLedger, AnOvertakenPacketIsLostAfterTheReorderingTimeAndNotBefore)
{
    PacketLedger ledger(Config());
    ledger.OnSent(0, 0, 100);
    ledger.OnDelivered(ledger.OnSent(0, 0, 100));
    Advance(REORDERING - ns3::NanoSeconds(1));
    EXPECT_EQ(Read(ledger, 0, 0).packetsLostAir, 0U);
    Advance(ns3::NanoSeconds(2));
    EXPECT_EQ(Read(ledger, 0, 0).packetsLostAir, 1U);
    EXPECT_EQ(Read(ledger, 0, 0).packetsQueued, 0U);
}

TEST_F(TrafficLedger, APacketHeldForLostThatArrivesIsDelivered)
{
    PacketLedger ledger(Config());
    const auto id = ledger.OnSent(0, 0, 100);
    ledger.OnDelivered(ledger.OnSent(0, 0, 100));
    Advance(ns3::Seconds(1));
    ASSERT_EQ(Read(ledger, 0, 0).packetsLostAir, 1U);
    ledger.OnDelivered(id);
    const auto counters = Read(ledger, 0, 0);
    EXPECT_EQ(counters.packetsLostAir, 0U);
    EXPECT_EQ(counters.packetsDelivered, 2U);
    EXPECT_EQ(counters.packetsLate, 1U);
    EXPECT_TRUE(Balances(counters));
}

TEST_F(TrafficLedger, APacketBeyondRetentionStaysLost)
{
    PacketLedger ledger(Config());
    const auto id = ledger.OnSent(0, 0, 100);
    ledger.OnDelivered(ledger.OnSent(0, 0, 100));
    Advance(ns3::Seconds(11));
    ledger.OnDelivered(ledger.OnSent(0, 0, 100));
    ledger.OnDelivered(id);
    EXPECT_EQ(Read(ledger, 0, 0).packetsLostAir, 1U);
    EXPECT_EQ(Read(ledger, 0, 0).packetsDelivered, 2U);
}

TEST_F(TrafficLedger, AQueueDropIsFoundByTheTagBelowOtherHeaders)
{
    PacketLedger ledger(Config());
    const auto id = ledger.OnSent(0, 0, 100);
    const auto packet = MakeTrafficPacket(id, 0, 100);
    EXPECT_EQ(packet->GetSize(), 100U);
    TagTrafficPacket(*packet);
    packet->AddHeader(TrafficHeader({9, 9}, 0)); // whatever another layer puts in front
    const auto fragment = packet->CreateFragment(60, 20);
    ledger.OnQueueDrop(*fragment);
    ledger.OnQueueDrop(*packet);
    ledger.OnQueueDrop(*ns3::Create<ns3::Packet>(50));
    EXPECT_EQ(Read(ledger, 0, 0).packetsDroppedQueue, 1U);
    EXPECT_TRUE(Balances(Read(ledger, 0, 0)));
}

/// Reports the same state of every UE.
class RanStub : public Ran
{
  public:
    std::size_t CellCount() const override
    {
        return CELLS;
    }

    RanCell& Cell(std::size_t) override
    {
        throw std::logic_error("no cells");
    }

    void ApplyUeControls(std::span<const UeControl>) override
    {
    }

    void ReadUes(std::span<UeCounters> counters) const override
    {
        std::fill(counters.begin(), counters.end(), state);
    }

    bool AllUesConnected() const override
    {
        return true;
    }

    UeCounters state{.cell = 0};
};

TEST_F(TrafficLedger, TheLastPacketOfAUeIsLostOnceTheRanIsQuiet)
{
    RanStub ran;
    PacketLedger ledger(Config());
    ledger.Watch(ran);
    ledger.OnSent(0, 0, 100);
    ran.state.bufferBytes = 130;
    ran.state.timeSinceServed_ms = 1e6;
    Advance(ns3::Seconds(5));
    EXPECT_EQ(Read(ledger, 0, 0).packetsQueued, 1U) << "it may still be in the buffer";
    ran.state.bufferBytes = 0;
    ran.state.timeSinceServed_ms = 3.0;
    Advance(ns3::Seconds(5));
    EXPECT_EQ(Read(ledger, 0, 0).packetsQueued, 1U) << "it may still be in a repetition";
    ran.state.timeSinceServed_ms = 1000.0;
    Advance(ns3::Seconds(1));
    EXPECT_EQ(Read(ledger, 0, 0).packetsLostAir, 1U);
}

TEST_F(TrafficLedger, WhatAUeWithoutACellIsOwedIsLost)
{
    RanStub ran;
    PacketLedger ledger(Config());
    ledger.Watch(ran);
    ledger.OnSent(0, 0, 100);
    ran.state.cell = -1; // nobody has served it, so nobody says how long ago
    Advance(REORDERING * 3);
    EXPECT_EQ(Read(ledger, 0, 0).packetsLostAir, 1U);
    EXPECT_EQ(Read(ledger, 0, 0).packetsQueued, 0U);
}

TEST_F(TrafficLedger, HistogramAndRecordsHoldWhatWasSentSinceMeasurementBegan)
{
    std::vector<PacketRecord> records;
    PacketLedger ledger(Config());
    ledger.SetRecordSink([&](const PacketRecord& record) { records.push_back(record); });
    const auto early = ledger.OnSent(0, 0, 100);
    ledger.StartMeasurement();
    const auto measured = ledger.OnSent(0, 0, 100);
    const auto dropped = ledger.OnSent(0, 0, 100);
    ledger.OnSent(0, 0, 100);
    Advance(ns3::MilliSeconds(2));
    ledger.OnDelivered(early);
    ledger.OnDelivered(measured);
    ledger.OnQueueDrop(dropped);
    ledger.Close();
    EXPECT_EQ(ledger.Delays(0).Total(), 1U);
    EXPECT_EQ(ledger.Measured(0).droppedQueue, 1U);
    EXPECT_EQ(ledger.Measured(0).OnTheirWay(), 1U);
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[0].fate, PacketFate::Delivered);
    EXPECT_EQ(records[0].delay_ns, 2'000'000);
    EXPECT_EQ(records[1].fate, PacketFate::DroppedQueue);
    EXPECT_EQ(records[1].delay_ns, -1);
    EXPECT_EQ(records[2].fate, PacketFate::OnItsWay);
}

TEST(DelayHistogramTest, BinsHoldTheirUpperEdgeAndTakeWhatLiesOutside)
{
    DelayHistogram histogram;
    EXPECT_EQ(DelayHistogram::UpperEdge_ns(63), 100'000);
    EXPECT_EQ(DelayHistogram::UpperEdge_ns(DelayHistogram::BINS - 1), 100'000'000'000);
    histogram.Add(0);
    histogram.Add(100'000);
    histogram.Add(100'001);
    histogram.Add(200'000'000'000);
    EXPECT_EQ(histogram.Count(0), 1U);
    EXPECT_EQ(histogram.Count(63), 1U);
    EXPECT_EQ(histogram.Count(64), 1U);
    EXPECT_EQ(histogram.Count(DelayHistogram::BINS - 1), 1U);
    EXPECT_EQ(histogram.Quantile_ns(0.5), 100'000);
    EXPECT_EQ(histogram.Quantile_ns(1.0), 100'000'000'000);
    EXPECT_EQ(DelayHistogram().Quantile_ns(0.5), 0);
}

/// What a random sequence did to one packet, kept beside the ledger.
struct Shadow
{
    std::size_t cell{};
    int64_t sent_ns{};
    bool delivered{};
    int64_t delay_ns{};       ///< of the first delivery
    bool dropped{};           ///< reported by a queue while nothing else was known of it
    int64_t overtaken_ns{-1}; ///< when a later packet of the UE first arrived
    int64_t quiet_ns{-1};     ///< when the RAN first said that nothing can be in flight any more
};

/// Drives a ledger by random events and keeps the books by the plainest means.
class RandomCourse
{
  public:
    RandomCourse()
    {
        m_ledger.StartMeasurement();
        m_ledger.SetRecordSink([this](const PacketRecord& record)
                               { ++m_recorded.at(static_cast<std::size_t>(record.fate)); });
    }

    ~RandomCourse()
    {
        ns3::Simulator::Destroy();
    }

    void Step()
    {
        const auto action = *rc::gen::inRange(0, 10);
        if (action < 4 || m_packets.empty())
        {
            Send();
        }
        else if (action < 7)
        {
            Deliver();
        }
        else if (action == 7)
        {
            Drop();
        }
        else if (action == 8)
        {
            Quiet();
        }
        else
        {
            Advance(ns3::MilliSeconds(*rc::gen::element(1, 20, 130, 260, 600)));
        }
    }

    void Check() const
    {
        for (std::size_t cell = 0; cell < CELLS; ++cell)
        {
            for (std::size_t slice = 0; slice < 2; ++slice)
            {
                CheckSlice(cell, slice);
            }
        }
    }

    /// Every packet is handed over once, with the fate that it is counted under.
    void CloseAndCheckRecords()
    {
        std::array<uint64_t, 4> counted{};
        for (std::size_t cell = 0; cell < CELLS; ++cell)
        {
            for (std::size_t slice = 0; slice < 2; ++slice)
            {
                const auto counters = Read(m_ledger, cell, slice);
                counted[0] += counters.packetsDelivered;
                counted[1] += counters.packetsDroppedQueue;
                counted[2] += counters.packetsLostAir;
                counted[3] += counters.packetsQueued;
            }
        }
        m_ledger.Close();
        RC_ASSERT(m_recorded == counted);
    }

  private:
    static int64_t Now()
    {
        return ns3::Simulator::Now().GetNanoSeconds();
    }

    PacketId Any() const
    {
        return std::next(m_packets.begin(), *rc::gen::inRange<int>(0, int(m_packets.size())))
            ->first;
    }

    struct Less
    {
        bool operator()(PacketId a, PacketId b) const
        {
            return std::pair(a.ue, a.sequence) < std::pair(b.ue, b.sequence);
        }
    };

    void Send()
    {
        const auto ue = *rc::gen::inRange<uint32_t>(0, 3);
        const auto cell = *rc::gen::inRange<std::size_t>(0, CELLS);
        const auto id = m_ledger.OnSent(ue, cell, 100);
        RC_ASSERT(!m_packets.contains(id));
        m_packets[id] = {.cell = cell, .sent_ns = Now()};
    }

    void Deliver()
    {
        const auto id = Any();
        m_ledger.OnDelivered(id);
        auto& delivered = m_packets[id];
        if (!delivered.delivered)
        {
            delivered.delivered = true;
            delivered.delay_ns = Now() - delivered.sent_ns;
        }
        for (auto& [other, packet] : m_packets)
        {
            if (other.ue == id.ue && other.sequence < id.sequence && packet.overtaken_ns < 0)
            {
                packet.overtaken_ns = Now();
            }
        }
    }

    void Drop()
    {
        const auto id = Any();
        auto& packet = m_packets[id];
        // Once it may be held for lost, which of the two it is cannot be told from outside.
        if (packet.overtaken_ns < 0 && packet.quiet_ns < 0)
        {
            m_ledger.OnQueueDrop(id);
            packet.dropped = packet.dropped || !packet.delivered;
        }
    }

    void Quiet()
    {
        const auto ue = *rc::gen::inRange<uint32_t>(0, 3);
        m_ledger.OnQuiet(ue);
        for (auto& [id, packet] : m_packets)
        {
            const bool old = packet.sent_ns <= Now() - REORDERING.GetNanoSeconds();
            if (id.ue == ue && old && packet.quiet_ns < 0)
            {
                packet.quiet_ns = Now();
            }
        }
    }

    void CheckSlice(std::size_t cell, std::size_t slice) const
    {
        uint64_t sent = 0;
        uint64_t delivered = 0;
        uint64_t dropped = 0;
        uint64_t certainlyLost = 0;
        uint64_t perhapsLost = 0;
        uint64_t late = 0;
        double delay_ms = 0.0;
        for (const auto& [id, packet] : m_packets)
        {
            if (packet.cell != cell || UE_SLICE[id.ue] != slice)
            {
                continue;
            }
            ++sent;
            if (packet.delivered || packet.dropped)
            {
                ++(packet.delivered ? delivered : dropped);
                late += slice == 0 && packet.delay_ns > 10'000'000;
                delay_ms += double(packet.delay_ns) * 1e-6;
                continue;
            }
            const int64_t gap_ns = packet.overtaken_ns < 0 ? 0 : Now() - packet.overtaken_ns;
            const int64_t reordering_ns = REORDERING.GetNanoSeconds();
            certainlyLost += packet.quiet_ns >= 0 || gap_ns > 2 * reordering_ns;
            perhapsLost += packet.quiet_ns >= 0 || gap_ns >= reordering_ns;
        }
        const auto counters = Read(m_ledger, cell, slice);
        RC_ASSERT(Balances(counters));
        RC_ASSERT(counters.packetsSent == sent);
        RC_ASSERT(counters.packetsDelivered == delivered);
        RC_ASSERT(counters.packetsDroppedQueue == dropped);
        RC_ASSERT(counters.bytesDelivered == 100 * delivered);
        RC_ASSERT(counters.packetsLate == late);
        RC_ASSERT(std::abs(counters.packetDelay_ms - delay_ms) < 1e-6);
        RC_ASSERT(counters.packetsLostAir >= certainlyLost);
        RC_ASSERT(counters.packetsLostAir <= perhapsLost);
    }

    static LedgerConfig Retaining()
    {
        auto config = Config();
        config.retention = ns3::Hours(10); // so that the shadow need not forget either
        return config;
    }

    PacketLedger m_ledger{Retaining()};
    std::map<PacketId, Shadow, Less> m_packets;
    std::array<uint64_t, 4> m_recorded{}; ///< by fate
};

RC_GTEST_PROP(TrafficLedgerProperty, EveryPacketIsInExactlyOnePlaceAtEveryInstant, ())
{
    RandomCourse course;
    const int steps = *rc::gen::inRange(1, 120);
    for (int step = 0; step < steps; ++step)
    {
        course.Step();
        course.Check();
    }
    course.CloseAndCheckRecords();
}

} // namespace
} // namespace slicebridge
