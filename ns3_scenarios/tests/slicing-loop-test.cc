// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/epoch-loop.h"
#include "slicing/kpm-table.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace slicebridge
{

namespace
{

using ns3::MilliSeconds;
using ns3::Simulator;
using ns3::Time;

constexpr std::size_t CELLS = 2;
constexpr std::size_t SLICES = 2;
constexpr std::size_t UES = 3;

double Now_ms()
{
    return Simulator::Now().GetSeconds() * 1000.0;
}

/// A cell of 25 PRBs whose slices use 10 and 5 in each TTI of 1 ms, at the begin of the TTI.
class FakeCell : public RanCell
{
  public:
    FakeCell()
        : m_counters(SLICES)
    {
        Simulator::Schedule(Time(), &FakeCell::Tti, this);
    }

    void ApplySliceControls(std::span<const SliceControl> slices) override
    {
        inForce.assign(slices.begin(), slices.end());
        applied_ms.push_back(Now_ms());
    }

    void ReadSlices(std::span<SliceCounters> counters) const override
    {
        std::copy(m_counters.begin(), m_counters.end(), counters.begin());
    }

    std::vector<SliceControl> inForce;
    std::vector<double> applied_ms;
    std::vector<float> minByTti; ///< of slice 0, as each TTI found it

  private:
    void Tti()
    {
        for (std::size_t slice = 0; slice < SLICES; ++slice)
        {
            auto& counters = m_counters[slice];
            counters.prbUsed += slice == 0 ? 10 : 5;
            counters.prbAvailable += 25;
            counters.duBits += 100;
            counters.duBudget_bits += 1000.0;
            counters.energy_j += 0.002;
            counters.powerBudget_j += 0.01;
        }
        minByTti.push_back(inForce.empty() ? -1.0F : inForce[0].prb.min);
        Simulator::Schedule(MilliSeconds(1), &FakeCell::Tti, this);
    }

    std::vector<SliceCounters> m_counters;
};

class FakeRan : public Ran
{
  public:
    std::size_t CellCount() const override
    {
        return CELLS;
    }

    RanCell& Cell(std::size_t index) override
    {
        return cells[index];
    }

    void ApplyUeControls(std::span<const UeControl> controls) override
    {
        ues.assign(controls.begin(), controls.end());
    }

    void ReadUes(std::span<UeCounters> counters) const override
    {
        for (std::size_t ue = 0; ue < counters.size(); ++ue)
        {
            if (Now_ms() >= connected_ms[ue] && Now_ms() < left_ms[ue])
            {
                counters[ue].cell = static_cast<int32_t>(ue % CELLS);
                counters[ue].cqi = 9;
            }
        }
    }

    bool AllUesConnected() const override
    {
        return std::all_of(connected_ms.begin(),
                           connected_ms.end(),
                           [](double at) { return Now_ms() >= at; });
    }

    std::vector<FakeCell> cells{CELLS};
    std::vector<UeControl> ues;
    std::vector<double> connected_ms{std::vector<double>(UES)};
    std::vector<double> left_ms{std::vector<double>(UES, std::numeric_limits<double>::infinity())};
};

/// Each UE is sent a packet of 125 bytes every 20 ms, from time zero.
class FakePackets : public EndToEndCounters
{
  public:
    FakePackets()
    {
        Simulator::Schedule(Time(), &FakePackets::Send, this);
    }

    void CompleteSlices(std::size_t, std::span<SliceCounters> slices) const override
    {
        for (auto& counters : slices)
        {
            counters.packetsSent = sent;
        }
    }

    void CompleteUes(std::span<UeCounters> ues) const override
    {
        for (auto& counters : ues)
        {
            counters.packetsSent = sent;
            counters.bytesSent = 125 * sent;
        }
    }

    uint64_t sent{};

  private:
    void Send()
    {
        ++sent;
        Simulator::Schedule(MilliSeconds(20), &FakePackets::Send, this);
    }
};

class FakeController : public Controller
{
  public:
    explicit FakeController(ControlLevels levels)
        : m_levels(levels)
    {
    }

    ControlLevels Levels() const override
    {
        return m_levels;
    }

    bool Decide(const Observation& observation, Control& control) override
    {
        seen.push_back(observation);
        seen_ms.push_back(Now_ms());
        given.push_back(control);
        return decide ? decide(observation, control) : true;
    }

    std::function<bool(const Observation&, Control&)> decide;
    std::vector<Observation> seen;
    std::vector<double> seen_ms;
    std::vector<Control> given;

  private:
    ControlLevels m_levels;
};

class FakeObserver : public EpochObserver
{
  public:
    void OnEpoch(const Observation& observation, const Control& inForce) override
    {
        seen.push_back(observation);
        controls.push_back(inForce);
        decisionsBefore.push_back(controller->seen.size());
    }

    const FakeController* controller{};
    std::vector<Observation> seen;
    std::vector<Control> controls;
    std::vector<std::size_t> decisionsBefore;
};

std::vector<SliceConfig> TwoSlices()
{
    std::vector<SliceConfig> slices(SLICES);
    slices[0].policy = {0.1F, 0.6F, 1.0F};
    slices[1].policy = {0.0F, 0.4F, 1.0F};
    return slices;
}

class EpochLoopTest : public ::testing::Test
{
  protected:
    ~EpochLoopTest() override
    {
        Simulator::Destroy();
    }

    /// 10 ms, 100 ms, warm-up of 500 ms, one second.
    void Build(ControlLevels levels)
    {
        ran = std::make_unique<FakeRan>();
        packets = std::make_unique<FakePackets>();
        controller = std::make_unique<FakeController>(levels);
        observer.controller = controller.get();
        loop = std::make_unique<EpochLoop>(
            EpochLoopParts{*ran, *packets, *controller, {&observer}, TwoSlices(), {0, 1, 0}},
            timing);
        loop->OnMeasurementStart(
            [this]
            {
                started_ms.push_back(Now_ms());
                decisionsAtStart = controller->seen.size();
            });
    }

    void Run(ControlLevels levels)
    {
        Build(levels);
        loop->Start();
        Simulator::Run();
    }

    /// What Simulator::Run() throws. ns-3 leaks the event that throws, here on purpose.
    std::string RunAndCatch(ControlLevels levels,
                            std::function<bool(const Observation&, Control&)> decide = {})
    {
#if defined(__SANITIZE_ADDRESS__)
        __lsan::ScopedDisabler leaks;
#endif
        Build(levels);
        ran->connected_ms = connected_ms;
        controller->decide = std::move(decide);
        loop->Start();
        try
        {
            Simulator::Run();
        }
        catch (const std::exception& error)
        {
            return error.what();
        }
        return "";
    }

    EpochTiming timing{MilliSeconds(10), MilliSeconds(100), MilliSeconds(500), MilliSeconds(1000)};
    std::vector<double> connected_ms{std::vector<double>(UES)};
    std::unique_ptr<FakeRan> ran;
    std::unique_ptr<FakePackets> packets;
    std::unique_ptr<FakeController> controller;
    FakeObserver observer;
    std::unique_ptr<EpochLoop> loop;
    std::vector<double> started_ms;
    std::size_t decisionsAtStart{};
};

/// Column of cell, slice and name in a [cell][slice][kpm] array.
float At(const std::vector<float>& values,
         std::size_t cell,
         std::size_t slice,
         std::string_view name)
{
    return values.at((cell * SLICES + slice) * SliceKpmTable().size() + SliceKpmColumn(name));
}

float UeAt(const std::vector<float>& values, std::size_t ue, std::string_view name)
{
    return values.at(ue * UeKpmTable().size() + UeKpmColumn(name));
}

} // namespace

TEST_F(EpochLoopTest, AsksAfterEveryHighLevelPeriod)
{
    Run(ControlLevels::High);
    ASSERT_EQ(controller->seen.size(), 11U);
    for (std::size_t i = 0; i < 11; ++i)
    {
        const auto& observation = controller->seen[i];
        EXPECT_EQ(observation.epoch, i);
        EXPECT_EQ(observation.time_ns, static_cast<int64_t>(i) * 100'000'000);
        EXPECT_DOUBLE_EQ(controller->seen_ms[i], 500.0 + 100.0 * static_cast<double>(i));
        EXPECT_TRUE(observation.highDecision);
        EXPECT_EQ(observation.last, i == 10);
        EXPECT_TRUE(observation.sliceLow.empty());
        EXPECT_EQ(observation.ueCell, (std::vector<int32_t>{0, 1, 0}));
    }
    EXPECT_DOUBLE_EQ(Now_ms(), 1500.0);
}

TEST_F(EpochLoopTest, AsksAfterEveryLowLevelPeriodWhereBothLevelsDecide)
{
    Run(ControlLevels::Both);
    ASSERT_EQ(controller->seen.size(), 101U);
    for (std::size_t i = 0; i < 101; ++i)
    {
        const auto& observation = controller->seen[i];
        EXPECT_EQ(observation.epoch, i);
        EXPECT_EQ(observation.time_ns, static_cast<int64_t>(i) * 10'000'000);
        EXPECT_EQ(observation.highDecision, i % 10 == 0);
        EXPECT_EQ(observation.last, i == 100);
        EXPECT_EQ(observation.sliceLow.size(), CELLS * SLICES * SliceKpmTable().size());
        EXPECT_EQ(observation.ue.size(), UES * UeKpmTable().size());
    }
    EXPECT_DOUBLE_EQ(Now_ms(), 1500.0);
}

TEST_F(EpochLoopTest, EveryWindowHasItsExactLength)
{
    Run(ControlLevels::Both);
    for (const auto& observation : controller->seen)
    {
        for (std::size_t cell = 0; cell < CELLS; ++cell)
        {
            EXPECT_EQ(At(observation.sliceHigh, cell, 0, "RRU.PrbUsedDl"), 10.0F);
            EXPECT_EQ(At(observation.sliceHigh, cell, 1, "RRU.PrbUsedDl"), 5.0F);
            EXPECT_EQ(At(observation.sliceLow, cell, 0, "RRU.PrbUsedDl"), 10.0F);
            EXPECT_EQ(At(observation.sliceLow, cell, 1, "RRU.PrbAvailDl"), 25.0F);
        }
        EXPECT_EQ(At(observation.sliceHigh, 0, 0, "x.packets_sent"), 5.0F);
    }
}

TEST_F(EpochLoopTest, AWindowHoldsItsBeginAndNotItsEnd)
{
    Run(ControlLevels::Both);
    for (std::size_t i = 0; i < controller->seen.size(); ++i)
    {
        // Packets are sent at 500, 520, ... ms; this window began 10 ms before 500 + 10 i.
        const float expected = i % 2 == 1 ? 1.0F : 0.0F;
        const auto& observation = controller->seen[i];
        EXPECT_EQ(At(observation.sliceLow, 0, 0, "x.packets_sent"), expected) << i;
        EXPECT_EQ(UeAt(observation.ue, 1, "x.packets_sent"), expected) << i;
        EXPECT_EQ(UeAt(observation.ue, 1, "x.offered_kbps"), 100.0F * expected) << i;
    }
}

TEST_F(EpochLoopTest, NothingOldIsSaidOfAUeThatNoCellServes)
{
    Build(ControlLevels::Both);
    ran->left_ms[1] = 1000.0;
    loop->Start();
    Simulator::Run();
    for (const auto& observation : controller->seen)
    {
        const bool gone = observation.time_ns >= 500'000'000; // of the measurement
        EXPECT_EQ(observation.ueCell.at(1), gone ? -1 : 1);
        EXPECT_EQ(UeAt(observation.ue, 1, "x.cqi"), gone ? 0.0F : 9.0F);
    }
}

TEST_F(EpochLoopTest, ADecisionHoldsFromTheTtiThatStartsAtIt)
{
    Build(ControlLevels::High);
    controller->decide = [](const Observation& observation, Control& control)
    {
        control.slices[0].prb.min = 0.01F * static_cast<float>(observation.epoch);
        control.slices[0].prb.dedicated = 0.0F;
        return true;
    };
    loop->Start();
    Simulator::Run();
    const auto& min = ran->cells[0].minByTti;
    ASSERT_EQ(min.size(), 1500U);
    EXPECT_EQ(min[0], 0.6F);
    EXPECT_EQ(min[499], 0.6F);
    for (std::size_t tti = 500; tti < 1500; ++tti)
    {
        ASSERT_EQ(min[tti], 0.01F * static_cast<float>((tti - 500) / 100)) << tti;
    }
    EXPECT_EQ(ran->cells[1].inForce[0].prb.min, 0.6F);
}

TEST_F(EpochLoopTest, WarmUpEndsWhenAllUesAreConnected)
{
    Build(ControlLevels::High);
    ran->connected_ms[1] = 637.0;
    EXPECT_TRUE(loop->MeasurementStart().IsZero());
    loop->Start();
    Simulator::Run();
    EXPECT_EQ(started_ms, std::vector<double>{640.0});
    EXPECT_EQ(decisionsAtStart, 0U);
    EXPECT_EQ(loop->MeasurementStart(), MilliSeconds(640));
    EXPECT_DOUBLE_EQ(controller->seen_ms.front(), 640.0);
    EXPECT_EQ(controller->seen.front().time_ns, 0);
    EXPECT_EQ(At(controller->seen.front().sliceHigh, 0, 0, "RRU.PrbUsedDl"), 10.0F);
    EXPECT_DOUBLE_EQ(controller->seen_ms.back(), 1640.0);
}

TEST_F(EpochLoopTest, WarmUpIsRoundedUpToTicksAndHasAWholePeriod)
{
    timing.warmUp = MilliSeconds(501);
    Run(ControlLevels::High);
    EXPECT_EQ(loop->MeasurementStart(), MilliSeconds(510));
}

TEST_F(EpochLoopTest, WarmUpHasAWholeHighLevelPeriod)
{
    timing.warmUp = Time();
    Run(ControlLevels::Both);
    EXPECT_EQ(loop->MeasurementStart(), MilliSeconds(100));
    // The TTI at time zero was scheduled before the loop was started, hence came first.
    EXPECT_FLOAT_EQ(At(controller->seen.front().sliceHigh, 0, 0, "RRU.PrbUsedDl"), 9.9F);
}

TEST_F(EpochLoopTest, RefusesToWaitForEverForUes)
{
    connected_ms[1] = 1e9;
    const auto message = RunAndCatch(ControlLevels::High);
    EXPECT_NE(message.find("2 of 3 UEs are connected"), std::string::npos) << message;
    EXPECT_DOUBLE_EQ(Now_ms(), 10500.0);
    EXPECT_TRUE(controller->seen.empty());
    EXPECT_TRUE(started_ms.empty());
}

TEST_F(EpochLoopTest, EndsWhenTheControllerSaysSo)
{
    Build(ControlLevels::High);
    controller->decide = [](const Observation& observation, Control& control)
    {
        control.slices[0].prb.min = 0.0F;
        return observation.epoch < 3;
    };
    loop->Start();
    Simulator::Run();
    EXPECT_EQ(controller->seen.size(), 4U);
    EXPECT_DOUBLE_EQ(Now_ms(), 800.0);
    EXPECT_EQ(observer.seen.size(), 3U);
    EXPECT_EQ(ran->cells[0].applied_ms, (std::vector<double>{0.0, 500.0, 600.0, 700.0}));
}

TEST_F(EpochLoopTest, ThePoliciesOfTheScenarioHoldUntilTheFirstDecision)
{
    Build(ControlLevels::High);
    loop->Start();
    const auto& inForce = ran->cells[1].inForce;
    ASSERT_EQ(inForce.size(), SLICES);
    EXPECT_EQ(inForce[0].prb.dedicated, 0.1F);
    EXPECT_EQ(inForce[0].prb.min, 0.6F);
    EXPECT_EQ(inForce[1].prb.min, 0.4F);
    EXPECT_EQ(inForce[0].computeShare, 0.5F);
    Simulator::Run();
    EXPECT_EQ(controller->given.front().slices[0].prb.min, 0.6F);
    EXPECT_EQ(controller->seen.front().report.requested[0].prb.min, 0.6F);
    EXPECT_EQ(controller->seen.front().report.projected[1].prb.min, 0.4F);
}

TEST_F(EpochLoopTest, ReportsRequestedProjectedAndAchieved)
{
    Build(ControlLevels::High);
    controller->decide = [](const Observation& observation, Control& control)
    {
        const float min = observation.epoch == 0 ? 1.0F : 0.25F;
        for (auto& slice : control.slices)
        {
            slice = {{0.0F, min, 1.0F}, min, min};
        }
        return true;
    };
    loop->Start();
    Simulator::Run();
    const auto& report = controller->seen[1].report;
    ASSERT_EQ(report.requested.size(), CELLS * SLICES);
    EXPECT_EQ(report.requested[3].prb.min, 1.0F);
    EXPECT_EQ(report.projected[3].prb.min, 0.5F);
    EXPECT_EQ(report.projected[3].computeShare, 0.5F);
    EXPECT_EQ(report.projected[3].powerShare, 0.5F);
    EXPECT_EQ(controller->given[1].slices[3].prb.min, 0.5F);
    EXPECT_FLOAT_EQ(report.achieved[2].prb.min, 0.4F);
    EXPECT_FLOAT_EQ(report.achieved[3].prb.min, 0.2F);
    EXPECT_FLOAT_EQ(report.achieved[3].prb.dedicated, 0.2F);
    EXPECT_FLOAT_EQ(report.achieved[3].prb.max, 0.2F);
    EXPECT_FLOAT_EQ(report.achieved[0].computeShare, 0.1F);
    EXPECT_FLOAT_EQ(report.achieved[0].powerShare, 0.2F);
    EXPECT_EQ(controller->seen[2].report.requested[3].prb.min, 0.25F);
    EXPECT_EQ(ran->cells[1].inForce[1].prb.min, 0.25F);
}

TEST_F(EpochLoopTest, SlicesAreDecidedOnHighLevelEpochsOnly)
{
    Build(ControlLevels::Both);
    controller->decide = [](const Observation& observation, Control& control)
    {
        control.slices[0].prb = {0.0F, 0.001F * static_cast<float>(observation.epoch), 1.0F};
        return true;
    };
    loop->Start();
    Simulator::Run();
    EXPECT_EQ(ran->cells[0].applied_ms.size(), 11U);
    EXPECT_FLOAT_EQ(controller->given[19].slices[0].prb.min, 0.010F);
    EXPECT_FLOAT_EQ(controller->given[21].slices[0].prb.min, 0.020F);
    EXPECT_FLOAT_EQ(controller->seen[20].report.requested[0].prb.min, 0.010F);
    EXPECT_FLOAT_EQ(ran->cells[0].inForce[0].prb.min, 0.090F);
}

TEST_F(EpochLoopTest, UesAreControlledWhereBothLevelsDecide)
{
    Build(ControlLevels::Both);
    controller->decide = [](const Observation&, Control& control)
    {
        control.ues[1] = {1000.0F, -20.0F};
        control.ues[2] = {2.0F, 1.0F};
        return true;
    };
    loop->Start();
    Simulator::Run();
    ASSERT_EQ(ran->ues.size(), UES);
    EXPECT_EQ(ran->ues[0].weight, 1.0F);
    EXPECT_EQ(ran->ues[1].weight, 100.0F);
    EXPECT_EQ(ran->ues[1].powerOffset_db, -6.0F);
    EXPECT_EQ(ran->ues[2].weight, 2.0F);
    EXPECT_EQ(controller->given[1].ues[1].weight, 100.0F);
}

TEST_F(EpochLoopTest, UesAreLeftAloneWhereOnlyTheHighLevelDecides)
{
    Build(ControlLevels::High);
    controller->decide = [](const Observation&, Control& control)
    {
        control.ues[1].weight = 7.0F;
        return true;
    };
    loop->Start();
    Simulator::Run();
    EXPECT_TRUE(ran->ues.empty());
    EXPECT_EQ(controller->given[1].ues[1].weight, 1.0F);
}

TEST_F(EpochLoopTest, ObserversSeeEveryFinishedPeriodBeforeTheNextDecision)
{
    Build(ControlLevels::Both);
    controller->decide = [](const Observation& observation, Control& control)
    {
        control.slices[0].prb = {0.0F, 0.001F * static_cast<float>(observation.epoch), 1.0F};
        return true;
    };
    loop->Start();
    Simulator::Run();
    ASSERT_EQ(observer.seen.size(), 10U);
    for (std::size_t i = 0; i < 10; ++i)
    {
        const auto& observation = observer.seen[i];
        EXPECT_EQ(observation.time_ns, static_cast<int64_t>(i + 1) * 100'000'000);
        EXPECT_EQ(observer.decisionsBefore[i], 10 * (i + 1));
        EXPECT_FLOAT_EQ(observer.controls[i].slices[0].prb.min, 0.01F * static_cast<float>(i));
        EXPECT_EQ(UeAt(observation.ue, 0, "x.packets_sent"), 5.0F);
        EXPECT_EQ(observation.last, i == 9);
    }
}

TEST_F(EpochLoopTest, TheLastDecisionHasNoEffect)
{
    Build(ControlLevels::High);
    controller->decide = [](const Observation& observation, Control& control)
    {
        control.slices[0].prb.min = observation.last ? 0.0F : 0.6F;
        return true;
    };
    loop->Start();
    Simulator::Run();
    EXPECT_EQ(ran->cells[0].inForce[0].prb.min, 0.6F);
    EXPECT_EQ(ran->cells[0].applied_ms.back(), 1400.0);
}

TEST_F(EpochLoopTest, WhatAControllerThrowsComesOutOfTheSimulator)
{
    const auto message = RunAndCatch(ControlLevels::High,
                                     [](const Observation&, Control&) -> bool
                                     { throw std::runtime_error("the agent is gone"); });
    EXPECT_EQ(message, "the agent is gone");
    EXPECT_DOUBLE_EQ(Now_ms(), 500.0);
}

TEST_F(EpochLoopTest, RefusesAControlOfAnotherSize)
{
    const auto message = RunAndCatch(ControlLevels::High,
                                     [](const Observation&, Control& control)
                                     {
                                         control.slices.pop_back();
                                         return true;
                                     });
    EXPECT_NE(message.find("number of slices"), std::string::npos) << message;
}

TEST_F(EpochLoopTest, RefusesPeriodsThatDoNotFit)
{
    const EpochTiming good = timing;
    timing.high = MilliSeconds(105);
    EXPECT_THROW(Build(ControlLevels::High), std::invalid_argument);
    timing = good;
    timing.duration = MilliSeconds(150);
    EXPECT_THROW(Build(ControlLevels::High), std::invalid_argument);
    timing = good;
    timing.low = Time();
    EXPECT_THROW(Build(ControlLevels::High), std::invalid_argument);
    timing = good;
    timing.low = ns3::MicroSeconds(12500);
    timing.high = ns3::MilliSeconds(100);
    EXPECT_THROW(Build(ControlLevels::High), std::invalid_argument);
    timing = good;
    timing.warmUp = MilliSeconds(-1);
    EXPECT_THROW(Build(ControlLevels::High), std::invalid_argument);
    timing = good;
    EXPECT_NO_THROW(Build(ControlLevels::High));
}

TEST_F(EpochLoopTest, LowLevelPeriodsMayBeAsShortAsATti)
{
    timing.low = MilliSeconds(1);
    timing.high = MilliSeconds(2);
    timing.duration = MilliSeconds(20);
    Run(ControlLevels::Both);
    ASSERT_EQ(controller->seen.size(), 21U);
    for (const auto& observation : controller->seen)
    {
        EXPECT_EQ(At(observation.sliceLow, 0, 0, "RRU.PrbUsedDl"), 10.0F);
    }
    EXPECT_EQ(ran->cells[0].minByTti.size(), 520U);
}

} // namespace slicebridge
