// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/du-processor.h"

#include "ns3/simulator.h"

#include <gtest/gtest.h>
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
    EXPECT_EQ(du.QueuedBytes(0), 300U);
    Run(100);
    ASSERT_EQ(out.size(), 4U);
    EXPECT_EQ(out[0].ue, 9U);
    EXPECT_DOUBLE_EQ(out[0].at_ms, 2.0);
    for (uint32_t ue = 0; ue < 3; ++ue)
    {
        EXPECT_EQ(out[ue + 1].ue, ue);
        EXPECT_DOUBLE_EQ(out[ue + 1].at_ms, 4.0 * (ue + 1));
    }
    EXPECT_EQ(du.ProcessedBits(0), 3000U);
    EXPECT_EQ(du.ProcessedBits(1), 1000U);
    EXPECT_EQ(du.QueuedBytes(0), 0U);
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
    EXPECT_EQ(du.QueuedBytes(0, 1), 0U);
    EXPECT_EQ(du.QueuedBytes(0), 200U);
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
    EXPECT_EQ(du.OldestArrival(0, 1), ns3::MilliSeconds(2));
    EXPECT_EQ(du.QueuedBytes(0, 1), 201U);
    Run(20.0);
    ASSERT_EQ(out.size(), 4U);
    EXPECT_EQ(out[1].ue, 1U);
    EXPECT_NEAR(out[1].at_ms - out[0].at_ms, 1.008, 1e-5);
}

} // namespace
} // namespace slicebridge
