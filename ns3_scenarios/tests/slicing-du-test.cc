// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/du-processor.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace slicebridge
{
namespace
{

/// 1 Mbit/s of capacity and 25 bytes of overhead: a packet of 100 bytes takes 1 ms of it all.
constexpr DuConfig CONFIG{.compute_bps = 1e6, .overhead_bytes = 25, .queue_packets = 4};

class DuProcessorTest : public testing::Test
{
  protected:
    struct Event
    {
        uint32_t ue;
        double at_ms;
    };

    void TearDown() override
    {
        ns3::Simulator::Destroy();
    }

    static DuPacket Packet(uint32_t ue, ns3::Time arrival = ns3::Simulator::Now())
    {
        return {ns3::Create<ns3::Packet>(100), ue, 100, arrival};
    }

    static void Note(std::vector<Event>& events, const DuPacket& packet)
    {
        events.push_back({packet.ue, ns3::Simulator::Now().ToDouble(ns3::Time::MS)});
    }

    static void Run(double until_ms)
    {
        ns3::Simulator::Stop(ns3::MicroSeconds(static_cast<int64_t>(until_ms * 1e3)) -
                             ns3::Simulator::Now());
        ns3::Simulator::Run();
    }

    std::vector<Event> out;
    std::vector<Event> refused;
    DuProcessor du{CONFIG,
                   2,
                   [this](DuPacket&& packet) { Note(out, packet); },
                   [this](DuPacket&& packet) { Note(refused, packet); }};
};

TEST_F(DuProcessorTest, ServesInOrderAtTheShareOfTheCapacity)
{
    du.SetShares(std::vector{0.25F, 0.5F});
    for (uint32_t ue = 0; ue < 3; ++ue)
    {
        du.Enqueue(0, Packet(ue));
    }
    du.Enqueue(1, Packet(9));
    EXPECT_EQ(du.Queue().QueuedBytes(0), 300U);
    Run(100);
    ASSERT_EQ(out.size(), 4U);
    EXPECT_EQ(out[0].ue, 9U);
    EXPECT_DOUBLE_EQ(out[0].at_ms, 2.0);
    for (uint32_t ue = 0; ue < 3; ++ue)
    {
        EXPECT_EQ(out[ue + 1].ue, ue);
        EXPECT_DOUBLE_EQ(out[ue + 1].at_ms, 4.0 * (ue + 1));
    }
    EXPECT_EQ(du.Queue().ProcessedBits(0), 3000U);
    EXPECT_EQ(du.Queue().ProcessedBits(1), 1000U);
    EXPECT_EQ(du.Queue().QueuedBytes(0), 0U);
}

TEST_F(DuProcessorTest, RefusesWhatFindsTheQueueFull)
{
    for (uint32_t ue = 0; ue < 6; ++ue)
    {
        du.Enqueue(0, Packet(ue));
    }
    du.Enqueue(1, Packet(7));
    ASSERT_EQ(refused.size(), 2U);
    EXPECT_EQ(refused[0].ue, 4U);
    EXPECT_EQ(refused[1].ue, 5U);
}

TEST_F(DuProcessorTest, ANewShareCountsForThePacketBeingProcessed)
{
    du.SetShares(std::vector{0.25F, 0.5F});
    du.Enqueue(0, Packet(0)); // 4 ms
    Run(2.0);
    du.SetShares(std::vector{0.5F, 0.5F}); // half of the work is left: 1 ms
    Run(10.0);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_NEAR(out[0].at_ms, 3.0, 1e-5);
}

TEST_F(DuProcessorTest, WithoutAShareNothingIsProcessedUntilThereIsOne)
{
    du.SetShares(std::vector{0.0F, 1.0F});
    du.Enqueue(0, Packet(0));
    Run(1000.0);
    EXPECT_TRUE(out.empty());
    du.SetShares(std::vector{1.0F, 0.0F});
    Run(1100.0);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_NEAR(out[0].at_ms, 1001.0, 1e-5);
}

TEST_F(DuProcessorTest, RemovingAUeKeepsTheOthersInOrder)
{
    du.SetShares(std::vector{1.0F, 0.0F});
    for (const uint32_t ue : {1U, 2U, 1U, 3U})
    {
        du.Enqueue(0, Packet(ue));
    }
    Run(0.5);
    const auto removed = du.Remove(0, 1);
    ASSERT_EQ(removed.size(), 2U);
    EXPECT_EQ(du.Queue().QueuedBytes(0, 1), 0U);
    EXPECT_EQ(du.Queue().QueuedBytes(0), 200U);
    Run(10.0);
    ASSERT_EQ(out.size(), 2U);
    EXPECT_EQ(out[0].ue, 2U);
    EXPECT_NEAR(out[0].at_ms, 1.5, 1e-5);
    EXPECT_EQ(out[1].ue, 3U);
}

TEST_F(DuProcessorTest, APacketFromAnotherCellGoesBeforeLaterOnesOfItsUe)
{
    du.SetShares(std::vector{1.0F, 0.0F});
    Run(5.0);
    du.Enqueue(0, Packet(8));
    du.Enqueue(0, Packet(1));
    du.Enqueue(0, Packet(8));
    auto early = Packet(1, ns3::MilliSeconds(2));
    early.bytes = 101;
    du.Insert(0, std::move(early));
    EXPECT_EQ(du.Queue().OldestArrival(0, 1), ns3::MilliSeconds(2));
    EXPECT_EQ(du.Queue().QueuedBytes(0, 1), 201U);
    Run(20.0);
    ASSERT_EQ(out.size(), 4U);
    EXPECT_EQ(out[1].ue, 1U);
    EXPECT_NEAR(out[1].at_ms - out[0].at_ms, 1.008, 1e-5);
}

// Whoever looks at a queue now and then finds what events would have done in between.
TEST_F(DuProcessorTest, AQueueThatIsAskedNowAndThenDoesTheSame)
{
    DuQueue asked(CONFIG, 2);
    std::vector<Event> found;
    std::vector<Event> refusedThere;
    const auto advance = [&]
    {
        for (std::size_t slice = 0; slice < 2; ++slice)
        {
            asked.Advance(
                slice,
                ns3::Simulator::Now().GetNanoSeconds() + 1, // as events: now counts
                [&](DuPacket&& packet, int64_t complete_ns)
                { found.push_back({packet.ue, static_cast<double>(complete_ns) * 1e-6}); });
        }
    };
    std::mt19937 random(1);
    double now_ms = 0.0;
    for (uint32_t step = 0; step < 2000; ++step)
    {
        now_ms += 0.001 * static_cast<double>(random() % 1500);
        Run(now_ms);
        advance();
        const uint32_t what = random() % 8;
        const uint32_t slice = random() % 2;
        // A UE is of one slice.
        const uint32_t ue = 2 * step + slice;
        if (what == 0)
        {
            const std::vector shares{static_cast<float>(random() % 4) / 8.0F, 0.5F};
            du.SetShares(shares);
            asked.SetShares(shares, ns3::Simulator::Now().GetNanoSeconds());
        }
        else if (what < 6)
        {
            du.Enqueue(slice, Packet(ue));
            if (!asked.Enqueue(slice, Packet(ue), ns3::Simulator::Now().GetNanoSeconds()))
            {
                Note(refusedThere, Packet(ue));
            }
        }
        EXPECT_EQ(asked.QueuedBytes(slice), du.Queue().QueuedBytes(slice));
    }
    Run(now_ms + 1e5);
    advance();
    const auto sorted = [](std::vector<Event> events)
    {
        std::ranges::sort(events, {}, &Event::ue);
        return events;
    };
    const auto compare = [&](const std::vector<Event>& one, const std::vector<Event>& other)
    {
        const auto a = sorted(one);
        const auto b = sorted(other);
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i)
        {
            EXPECT_EQ(a[i].ue, b[i].ue);
            EXPECT_NEAR(a[i].at_ms, b[i].at_ms, 1e-9);
        }
    };
    compare(out, found);
    compare(refused, refusedThere);
    EXPECT_GT(refused.size(), 10U);
    EXPECT_GT(out.size(), 500U);
}

} // namespace
} // namespace slicebridge
