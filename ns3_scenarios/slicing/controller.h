// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_CONTROLLER_H
#define SLICEBRIDGE_SLICING_CONTROLLER_H

#include "slicing/control.h"
#include "slicing/ue-policy.h"

#include <cstdint>
#include <vector>

namespace slicebridge
{

/// Decision levels that a controller takes part in.
enum class ControlLevels : uint8_t
{
    High, ///< asked once per high-level period, decides for slices
    Both, ///< asked once per low-level period, decides for slices when `highDecision`, and for UEs
};

/// What a controller sees at a decision epoch. Arrays are row-major and reused between epochs.
struct Observation
{
    uint64_t epoch{};        ///< decision epochs so far, 0 at the first
    int64_t time_ns{};       ///< simulated time since the end of warm-up
    bool highDecision{true}; ///< slices are decided now
    bool last{false};        ///< the episode is over; a decision would have no effect

    /// [cell][slice][kpm], columns by SliceKpmTable(), over the last high-level period.
    std::vector<float> sliceHigh;
    /// The same over the last low-level period; empty for ControlLevels::High.
    std::vector<float> sliceLow;
    /// [ue][feature], columns by UeKpmTable(), over the controller's shortest period.
    std::vector<float> ue;
    std::vector<int32_t> ueCell; ///< [ue] index of the serving cell, -1 if none

    ControlReport report; ///< of the last high-level decision, [cell][slice]
};

/// Whoever manages the network: a built-in rule, or the remote agent behind the link.
class Controller
{
  public:
    virtual ~Controller() = default;

    virtual ControlLevels Levels() const = 0;

    /**
     * Who decides for UEs in this controller's stead, which outlives the loop; nobody by default.
     * With ControlLevels::High only. Without one, UEs keep neutral controls.
     */
    virtual UePolicy* Delegate()
    {
        return nullptr;
    }

    /**
     * Decide on the basis of `observation`.
     * @param control holds the decision in force; change what shall change
     * @return false to end the episode now
     */
    virtual bool Decide(const Observation& observation, Control& control) = 0;
};

} // namespace slicebridge

#endif
