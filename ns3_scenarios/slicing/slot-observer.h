// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_SLOT_OBSERVER_H
#define SLICEBRIDGE_SLICING_SLOT_OBSERVER_H

#include "ns3/nstime.h"

#include <cstdint>
#include <span>

namespace slicebridge
{

/// How a RAN cuts time and frequency, the same in every cell.
struct SlotGrid
{
    ns3::Time slot; ///< LTE's TTI
    uint32_t prbs{};
    uint32_t rbg_prbs{}; ///< PRBs of a resource block group (RBG); the last one may have fewer
};

/// A transport block that is sent in this slot; on LTE: that the scheduler decides on in this TTI.
struct SlotGrant
{
    uint32_t cell{};
    int32_t ue{-1};     ///< -1: its UE has left since it was decided on
    int32_t slice{-1};  ///< -1: signalling
    uint32_t process{}; ///< tells blocks of a UE that are under way apart
    uint32_t layer{};
    uint32_t mcs{};
    uint32_t tbs_bits{};
    uint32_t prbs{};                ///< none for layers that share those of another one
    uint32_t transmission{1};       ///< 1: new data, more: HARQ repetitions
    std::span<const uint32_t> rbgs; ///< bit g % 32 of word g / 32 is RBG g
};

/// HARQ feedback of a transport block has reached the base station.
struct SlotFeedback
{
    uint32_t cell{};
    uint32_t ue{};
    uint32_t process{};
    uint32_t layer{};
    uint32_t age_slots{}; ///< since the block was a SlotGrant
    bool ack{};
};

/// Told what cells do in every slot, while it is in place. PRBs that it is told of add up to
/// SliceCounters::prbUsed.
class SlotObserver
{
  public:
    virtual ~SlotObserver() = default;

    virtual void OnGrant(const SlotGrant& grant) = 0;
    virtual void OnFeedback(const SlotFeedback& feedback) = 0;
};

} // namespace slicebridge

#endif
