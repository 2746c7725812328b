// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_EPOCH_LOOP_H
#define SLICEBRIDGE_SLICING_EPOCH_LOOP_H

#include "slicing/controller.h"
#include "slicing/ran.h"
#include "slicing/slice.h"

#include "ns3/nstime.h"

#include <functional>
#include <span>
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
};

/// Completes counters with what packets met end to end (traffic/packet-ledger.h implements it).
class EndToEndCounters
{
  public:
    virtual ~EndToEndCounters() = default;
    virtual void ReadSlice(std::size_t cell, std::size_t slice, SliceCounters& counters) const = 0;
    virtual void ReadUe(std::size_t ue, UeCounters& counters) const = 0;
};

/// Told of every finished high-level period (the recorder).
class EpochObserver
{
  public:
    virtual ~EpochObserver() = default;
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
 */
class EpochLoop
{
  public:
    EpochLoop(EpochLoopParts parts, EpochTiming timing);

    /// Schedules the first event. The simulation stops by itself after the last epoch.
    void Start();

    /// Called once, when warm-up ends and measurement begins.
    void OnMeasurementStart(std::function<void()> callback);

    /// Simulated time at which warm-up ended; zero before.
    ns3::Time MeasurementStart() const;

  private:
    void AwaitConnections();
    void Epoch();

    EpochLoopParts m_parts;
    EpochTiming m_timing;
};

} // namespace slicebridge

#endif
