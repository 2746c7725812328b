// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_SLOT_REPORTER_H
#define SLICEBRIDGE_SCENARIOS_SLOT_REPORTER_H

#include "scenarios/ran-attachment.h"
#include "slicing/slot-observer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace slicebridge
{

/**
 * Collects what happens in slots, as the body of SLOTS (docs/protocol.md, "Debugging"), and stops
 * the simulation between decision epochs. Nobody observes the network unless that was asked for.
 *
 * Pauses come a nanosecond before a slot begins: by then all that belongs to the slots before it
 * has happened, in whatever order events of equal time run, and events of the simulation keep
 * theirs.
 */
class SlotReporter : private SlotObserver
{
  public:
    /**
     * Called at a pause, with the slots up to it and its time since the end of warm-up.
     * @return StateFlag bits of how to go on
     */
    using PauseHook = std::function<uint8_t(int64_t time_ns)>;

    /**
     * @param network outlives this
     * @param ueCount UEs in it
     * @param low period that PAUSE_LOW means
     */
    SlotReporter(RanAttachment& network, std::size_t ueCount, ns3::Time low, PauseHook onPause);
    ~SlotReporter() override;
    SlotReporter(const SlotReporter&) = delete;
    SlotReporter& operator=(const SlotReporter&) = delete;

    /**
     * A decision epoch is over.
     * @param flags SLOTS, PAUSE_SLOT, PAUSE_LOW or none of them
     * @param now_ns time since the end of warm-up
     * @param nextEpoch_ns where no pause is needed
     */
    void GoOn(uint8_t flags, int64_t now_ns, int64_t nextEpoch_ns);

    /// True if slots are being collected.
    bool Reporting() const;

    /// Slots since the last report, up to the one that ends at this time. Valid until the next.
    std::span<const std::byte> Report(int64_t time_ns);

  private:
    void OnGrant(const SlotGrant& grant) override;
    void OnFeedback(const SlotFeedback& feedback) override;
    int32_t Slot() const;
    void SchedulePause(uint8_t flags, int64_t now_ns);
    void Pause(int64_t time_ns);

    template <typename T>
    void Append(const std::vector<T>& values);

    RanAttachment& m_network;
    int64_t m_slot_ns;
    int64_t m_low_ns;
    PauseHook m_onPause;
    uint32_t m_words; ///< of a bitmap of RBGs
    bool m_reporting{};
    int64_t m_start_ns{};     ///< end of warm-up, in simulated time
    int64_t m_from_ns{};      ///< up to where slots are reported
    int64_t m_nextEpoch_ns{}; ///< since the end of warm-up
    std::vector<UeCounters> m_ues;
    std::vector<int32_t> m_grants;   ///< rows
    std::vector<int32_t> m_feedback; ///< rows
    std::vector<std::byte> m_body;
};

} // namespace slicebridge

#endif
