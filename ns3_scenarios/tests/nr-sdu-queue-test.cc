// SPDX-License-Identifier: GPL-2.0-only
// The UE's queue: segmentation, reassembly and loss as bookkeeping on byte ranges.
#include "nr/sdu-queue.h"

#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <rapidcheck/gtest.h>

namespace slicebridge::nr
{
namespace
{

constexpr auto NOTHING = [](const Sdu&) {};

TEST(SduQueueTest, SegmentsAndReassembles)
{
    SduQueue queue(10'000);
    ASSERT_TRUE(queue.Push(ns3::Create<ns3::Packet>(100), 100, 5));
    ASSERT_TRUE(queue.Push(ns3::Create<ns3::Packet>(50), 50, 6));
    EXPECT_EQ(queue.PendingBytes(), 150U);
    EXPECT_EQ(queue.HeadArrival_ns(), 5);
    int completed = 0;
    const auto count = [&](const Sdu&) { ++completed; };
    const auto first = queue.Take(70, 10, 20, count); // 60 bytes of the first
    EXPECT_EQ(first.Size(), 60U);
    EXPECT_EQ(completed, 0);
    const auto second = queue.Take(80, 10, 30, count); // 40 of the first, 20 of the second
    EXPECT_EQ(second.Size(), 60U);
    EXPECT_EQ(completed, 1);
    std::vector<uint32_t> delivered;
    const auto take = [&](const Sdu& sdu) { delivered.push_back(sdu.bytes); };
    queue.OnReceived(second, take);
    EXPECT_TRUE(delivered.empty());
    queue.OnReceived(first, take);
    EXPECT_EQ(delivered, std::vector<uint32_t>{100});
    queue.OnReceived(queue.Take(1000, 10, 40, count), take);
    EXPECT_EQ(delivered, (std::vector<uint32_t>{100, 50}));
    EXPECT_EQ(queue.HeadArrival_ns(), -1);
}

TEST(SduQueueTest, RefusesWhatDoesNotFit)
{
    SduQueue queue(100);
    EXPECT_TRUE(queue.Push(ns3::Create<ns3::Packet>(60), 60, 0));
    EXPECT_FALSE(queue.Push(ns3::Create<ns3::Packet>(60), 60, 0));
    EXPECT_TRUE(queue.Push(ns3::Create<ns3::Packet>(40), 40, 0));
}

TEST(SduQueueTest, DiscardsOldSdusOfWhichNothingWasSent)
{
    SduQueue queue(10'000);
    for (int64_t arrival = 0; arrival < 4; ++arrival)
    {
        queue.Push(ns3::Create<ns3::Packet>(100), 100, arrival);
    }
    queue.Take(60, 10, 5, NOTHING); // half of the first
    int dropped = 0;
    const auto count = [&](const Sdu&) { ++dropped; };
    queue.Discard(3, count);
    EXPECT_EQ(dropped, 0); // its segments must follow
    queue.Take(60, 10, 5, NOTHING);
    queue.Discard(3, count);
    EXPECT_EQ(dropped, 2);
    EXPECT_EQ(queue.PendingBytes(), 100U);
}

/// Whatever the order of arrivals, blocks, losses and receptions: an SDU is delivered exactly if
/// all blocks that carried a part of it arrived, once, with its own packet; and reported lost,
/// once, exactly if one of them did not.
RC_GTEST_PROP(SduQueueProperty, DeliversExactlyWhatArrivedWhole, ())
{
    struct Sent
    {
        ByteRange range;
        bool lost;
    };

    SduQueue queue(1U << 30);
    std::map<uint64_t, uint32_t> size; // packet uid to bytes
    std::map<uint64_t, std::pair<uint64_t, uint64_t>> place;
    std::vector<Sent> history;
    std::deque<Sent> inFlight;
    std::map<uint64_t, int> delivered;
    std::map<uint64_t, int> lostSdus;
    uint64_t streamEnd = 0;
    const auto settle = [&](const Sent& sent)
    {
        if (sent.lost)
        {
            queue.OnLost(sent.range, [&](const Sdu& sdu) { ++lostSdus[sdu.packet->GetUid()]; });
            return;
        }
        queue.OnReceived(sent.range,
                         [&](const Sdu& sdu)
                         {
                             ++delivered[sdu.packet->GetUid()];
                             RC_ASSERT(size.at(sdu.packet->GetUid()) == sdu.bytes);
                         });
    };
    const auto steps = *rc::gen::inRange(1, 200);
    for (int step = 0; step < steps; ++step)
    {
        const auto action = *rc::gen::inRange(0, 3);
        if (action == 0)
        {
            const auto bytes = *rc::gen::inRange<uint32_t>(1, 400);
            auto packet = ns3::Create<ns3::Packet>(bytes);
            size[packet->GetUid()] = bytes;
            place[packet->GetUid()] = {streamEnd, streamEnd + bytes};
            streamEnd += bytes;
            RC_ASSERT(queue.Push(packet, bytes, step));
        }
        else if (action == 1)
        {
            const auto range = queue.Take(*rc::gen::inRange<uint32_t>(1, 600), 8, step, NOTHING);
            if (range.Size() > 0)
            {
                history.push_back({range, *rc::gen::inRange(0, 5) == 0});
                inFlight.push_back(history.back());
            }
        }
        else if (!inFlight.empty())
        {
            const auto which = *rc::gen::inRange<std::size_t>(0, inFlight.size());
            settle(inFlight[which]);
            inFlight.erase(inFlight.begin() + static_cast<std::ptrdiff_t>(which));
        }
    }
    for (const auto& sent : inFlight)
    {
        settle(sent);
    }
    for (const auto& [uid, bytes] : place)
    {
        uint64_t covered = 0;
        bool lost = false;
        for (const auto& sent : history)
        {
            const auto from = std::max(sent.range.begin, bytes.first);
            const auto to = std::min(sent.range.end, bytes.second);
            if (from < to)
            {
                covered += to - from;
                lost = lost || sent.lost;
            }
        }
        const bool whole = covered == bytes.second - bytes.first && !lost;
        RC_ASSERT(delivered[uid] == (whole ? 1 : 0));
        RC_ASSERT(lostSdus[uid] == (lost ? 1 : 0));
    }
}

} // namespace
} // namespace slicebridge::nr
