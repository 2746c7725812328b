// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_SLICE_H
#define SLICEBRIDGE_SLICING_SLICE_H

#include "slicing/rrm-policy.h"

#include <cstdint>
#include <optional>
#include <string>

namespace slicebridge
{

/// Single Network Slice Selection Assistance Information (3GPP TS 23.003, 28.4.2).
struct SNssai
{
    uint8_t sst{1};             ///< 1 eMBB, 2 URLLC, 3 MIoT (TS 23.501, table 5.15.2.2-1)
    std::optional<uint32_t> sd; ///< slice differentiator, 24 bits
};

/**
 * Service level agreement of a slice. A field that is absent is not agreed upon.
 *
 * eMBB states a rate, URLLC a short delay budget with a high reliability, mMTC a long delay
 * budget with a delivery ratio (its reliability).
 */
struct Sla
{
    std::optional<double> ueThroughput_bps; ///< per UE, downlink, > 0
    std::optional<double> delayBudget_ms;   ///< one-way, source to UE application, > 0
    std::optional<double> reliability;      ///< part of packets within the budget, in (0, 1)
    double weight{1.0};                     ///< operator weight of the slice, >= 0
};

/// Rule by which a slice ranks its UEs for one allocation unit.
enum class SchedulingRule : uint8_t
{
    RoundRobin,       ///< "rr"
    ProportionalFair, ///< "pf"
    MaxCqi,           ///< "max-cqi"
    MLwdf,            ///< "m-lwdf": modified largest weighted delay first
};

/// One slice, as configured. Its index in the scenario's list is its id everywhere.
struct SliceConfig
{
    std::string name;
    SNssai sNssai;
    uint8_t fiveQi{9}; ///< TS 23.501, table 5.7.4-1
    Sla sla;
    SchedulingRule rule{SchedulingRule::ProportionalFair};
    RrmPolicyRatio policy; ///< in force until the first decision
};

} // namespace slicebridge

#endif
