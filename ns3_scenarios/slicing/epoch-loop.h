// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_EPOCH_LOOP_H
#define SLICEBRIDGE_SLICING_EPOCH_LOOP_H

#include "slicing/controller.h"
#include "slicing/end-to-end-counters.h"
#include "slicing/ran.h"
#include "slicing/slice.h"
#include "slicing/window-collector.h"

#include "ns3/nstime.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace slicebridge
{

/// Periods and length of an episode. `high` and `duration` are whole multiples of `low` and `high`.
struct EpochTiming
{
    ns3::Time low;
    ns3::Time high;
    ns3::Time warmUp;   ///< discarded, at least; longer if UEs are not connected by then
    ns3::Time duration; ///< measured, after warm-up
    ns3::Time tti{ns3::MilliSeconds(1)}; ///< that SliceCounters counts PRBs in
};

/// Told of every finished high-level period (the recorder).
class EpochObserver
{
  public:
    virtual ~EpochObserver() = default;

    /**
     * A high-level period is over; the controller is asked after this.
     * @param observation of that period; here `ue` is over it too, whatever the control levels
     * @param inForce the control at the end of the period
     */
    virtual void OnEpoch(const Observation& observation, const Control& inForce) = 0;
};

/// Everything that the loop connects. All outlive it.
struct EpochLoopParts
{
    Ran& ran;
    EndToEndCounters& packets;
    Controller& controller;
    std::vector<EpochObserver*> observers;
    std::vector<SliceConfig> slices;
    std::vector<uint32_t> ueSlice; ///< slice id of each UE
};

/**
 * The control loop: per epoch it collects counters, asks the controller, projects the decision
 * onto the constraints, applies it, and reports requested, projected and achieved values.
 *
 * Time is cut at ticks, the multiples of the low-level period. Warm-up ends at the first tick that
 * is not before `warmUp`, has a whole high-level period behind it, and finds all UEs connected.
 * There the controller decides for the first time, on the last high-level period of warm-up; then
 * after every low-level (ControlLevels::Both) or high-level period. At the end it is shown the last
 * period, its decision ignored, and the simulation stops. Where the controller delegates, its
 * UePolicy looks at every tick and then decides, after the controller if both do.
 *
 * A window [from, to) holds what happens at `from` and not what happens at `to`: ticks are put
 * into the event queue a second ahead, and ns-3 runs events of equal time in the order in which
 * they were scheduled. So a tick runs before the TTI that starts at it, which is the first under
 * the new control; only an event scheduled more than a second ahead, or before Start(), for exactly
 * that time may come before. Whatever the order, all counters are read in one event, so that they
 * fit together.
 */
class EpochLoop
{
  public:
    /// @throws std::invalid_argument if periods are no positive multiples of each other
    EpochLoop(EpochLoopParts parts, EpochTiming timing);

    /**
     * Puts the slices' own policies in force and schedules the first tick. Call it at time zero,
     * with the network in place. The simulation stops by itself after the last epoch.
     *
     * Simulator::Run() then throws what the controller or an observer throws, std::runtime_error
     * if UEs are still not connected 10 s after warm-up should have ended, and std::logic_error if
     * a controller changes the size of a Control.
     */
    void Start();

    /// Called once, when warm-up ends and measurement begins, before the first decision.
    void OnMeasurementStart(std::function<void()> callback);

    /// Simulated time at which warm-up ended; zero before.
    ns3::Time MeasurementStart() const;

  private:
    void ScheduleTick(uint64_t tick);
    void Tick(uint64_t tick);
    void WarmUp(uint64_t tick);
    void RefuseToWait() const;
    void Epoch(uint64_t tick);
    void Observe(uint64_t tick);
    void Decide();
    void Apply();
    void Delegate();
    void ApplySlices();

    EpochLoopParts m_parts;
    EpochTiming m_timing;
    ControlLevels m_levels;
    UePolicy* m_uePolicy; ///< none: nobody, or the controller, decides for UEs
    uint64_t m_ticksPerHigh;
    uint64_t m_earliestStart; ///< tick
    uint64_t m_start{};       ///< tick at which warm-up ended
    bool m_measuring{};
    bool m_done{};
    WindowCollector m_windows;
    Control m_control; ///< in force
    Observation m_observation;
    std::function<void()> m_onMeasurementStart;
};

} // namespace slicebridge

#endif
