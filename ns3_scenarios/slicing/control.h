// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_CONTROL_H
#define SLICEBRIDGE_SLICING_CONTROL_H

#include "slicing/rrm-policy.h"

#include <cstdint>
#include <vector>

namespace slicebridge
{

/// What the high level (near-RT RIC) decides for one slice of one cell.
struct SliceControl
{
    RrmPolicyRatio prb;
    float computeShare{0.0F}; ///< of the DU's processing capacity, [0, 1], sum over slices <= 1
    float powerShare{0.0F};   ///< of the cell's downlink power budget, [0, 1], sum over slices <= 1
};

/// What the low level (DU) decides for one UE.
struct UeControl
{
    float weight{1.0F};         ///< multiplies the rule's metric, [0.01, 100]
    float powerOffset_db{0.0F}; ///< on top of the slice's power, [-6, 3]
};

/// One decision: slices in [cell][slice] order, UEs in scenario order.
struct Control
{
    std::vector<SliceControl> slices;
    std::vector<UeControl> ues;
};

/// The control asked for, the one that the constraints left of it, and what the RAN then did.
struct ControlReport
{
    std::vector<SliceControl> requested;
    std::vector<SliceControl> projected;
    /// Over the period that just ended. `prb.dedicated`, `.min` and `.max` all hold the ratio of
    /// allocatable PRBs that the slice used; compute and power the shares that it used.
    std::vector<SliceControl> achieved;
};

} // namespace slicebridge

#endif
