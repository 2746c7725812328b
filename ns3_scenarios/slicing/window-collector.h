// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_WINDOW_COLLECTOR_H
#define SLICEBRIDGE_SLICING_WINDOW_COLLECTOR_H

#include "slicing/control.h"
#include "slicing/counters.h"
#include "slicing/end-to-end-counters.h"
#include "slicing/kpm-table.h"
#include "slicing/ran.h"
#include "slicing/slice.h"

#include "ns3/nstime.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge
{

/**
 * Snapshots of all counters at ticks (multiples of the low-level period), and what they say of the
 * windows between two of them. Keeps as many as a high-level period has, and one.
 */
class WindowCollector
{
  public:
    /**
     * @param ueSlice slice id of each UE
     * @param depth snapshots to keep
     * @param low time between ticks
     * @param tti that PRBs are counted in
     */
    WindowCollector(Ran& ran,
                    const EndToEndCounters& packets,
                    std::vector<SliceConfig> slices,
                    std::vector<uint32_t> ueSlice,
                    std::size_t depth,
                    ns3::Time low,
                    ns3::Time tti);

    /// Reads every counter now. `tick` replaces the one `depth` ticks ago.
    void Snap(uint64_t tick);

    /// Elements of [cell][slice][kpm].
    std::size_t SliceKpmCount() const;

    /// Elements of [ue][feature].
    std::size_t UeKpmCount() const;

    /// Fills [cell][slice][kpm] of the window between two ticks that are kept.
    void SliceKpms(uint64_t from, uint64_t to, std::span<float> values) const;

    /// Fills [ue][feature] of the window between two ticks that are kept.
    void UeKpms(uint64_t from, uint64_t to, std::span<float> values) const;

    /// One of SliceKpms(): column `kpm` of row `at` of [cell][slice].
    float SliceKpm(uint64_t from, uint64_t to, std::size_t at, std::size_t kpm) const;

    /// One of UeKpms().
    float UeKpm(uint64_t from, uint64_t to, std::size_t ue, std::size_t kpm) const;

    /// Fills [cell][slice] with the ratios of PRBs, compute and power used between two ticks.
    void Achieved(uint64_t from, uint64_t to, std::vector<SliceControl>& achieved) const;

    /// Totals and state of each UE at a tick that is kept.
    std::span<const UeCounters> Ues(uint64_t tick) const;

    /// Fills [ue] with the serving cell at a tick that is kept, -1 if none.
    void UeCells(uint64_t tick, std::span<int32_t> cells) const;

  private:
    struct Snapshot
    {
        std::vector<SliceCounters> slices; ///< [cell][slice]
        std::vector<UeCounters> ues;
    };

    const Snapshot& At(uint64_t tick) const;
    KpmWindow Window(uint64_t from, uint64_t to, std::size_t slice) const;

    Ran& m_ran;
    const EndToEndCounters& m_packets;
    std::vector<SliceConfig> m_slices;
    std::vector<uint32_t> m_ueSlice;
    double m_low_ms;
    double m_tti_ms;
    std::vector<Snapshot> m_ring;
};

} // namespace slicebridge

#endif
