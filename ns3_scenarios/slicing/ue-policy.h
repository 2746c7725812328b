// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_UE_POLICY_H
#define SLICEBRIDGE_SLICING_UE_POLICY_H

#include "slicing/control.h"

#include <cstdint>
#include <span>

namespace slicebridge
{

class WindowCollector;

/// Decides for UEs at every low-level period in a controller's stead, without leaving the DU.
class UePolicy
{
  public:
    virtual ~UePolicy() = default;

    /// The network at a tick, whose low-level period before it is kept. Comes before the
    /// controller is asked, also when the episode is over.
    virtual void Look(const WindowCollector& windows, uint64_t tick) = 0;

    /**
     * Decide on what was looked at last.
     * @param inForce [cell][slice], this tick's decision of the high level included
     * @param ues one neutral control per UE; change what shall change
     */
    virtual void Decide(std::span<const SliceControl> inForce, std::span<UeControl> ues) = 0;
};

} // namespace slicebridge

#endif
