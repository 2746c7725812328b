// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_DL_HARQ_H
#define SLICEBRIDGE_LTE_DL_HARQ_H

#include "lte/tb-table.h"

#include "ns3/ff-mac-common.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace slicebridge
{

/// One HARQ process: the transport blocks under way in it.
struct DlHarqProcess
{
    enum class State : uint8_t
    {
        Free,
        Sent,   ///< awaits feedback, or is given up after FEEDBACK_LIMIT TTIs
        Failed, ///< awaits repetition
    };

    State state{State::Free};
    uint64_t sentTti{};
    uint64_t failedTti{};
    std::array<bool, MAX_LAYERS> failed{}; ///< layers to repeat
    std::optional<uint32_t> slice;         ///< charged for it; none for signalling
    ns3::BuildDataListElement_s block;     ///< as last sent
};

/// What a feedback message meant to its process.
enum class DlHarqResult : uint8_t
{
    Stale,  ///< nothing was awaited
    Done,   ///< received
    Failed, ///< to be repeated
    Lost,   ///< in error after the last redundancy version
};

/// Downlink HARQ of one UE: 8 asynchronous processes (TS 36.321, 5.3.2), at most 4 transmissions.
class DlHarq
{
  public:
    static constexpr uint32_t PROCESSES = 8;
    static constexpr uint64_t FEEDBACK_LIMIT = 11; ///< TTIs, as in ns-3's own schedulers
    static constexpr uint8_t LAST_REDUNDANCY_VERSION = 3;

    /// The next process that can take new data at `tti`, in turn; none if all are under way.
    std::optional<uint8_t> NextFree(uint64_t tti) const;

    /// Begin with new data: `process` is now the last used.
    DlHarqProcess& Start(uint8_t process, uint64_t tti);

    /// @param tti in which the feedback reaches the scheduler
    DlHarqResult Feedback(const ns3::DlInfoListElement_s& feedback, uint64_t tti);

    DlHarqProcess& Process(uint8_t process)
    {
        return m_processes[process];
    }

    const DlHarqProcess& Process(uint8_t process) const
    {
        return m_processes[process];
    }

    /**
     * Make the failed layers of `process` ready to go out again, on the RBGs in `rbgs`, with the
     * next redundancy version. Layers that were received go empty.
     * @return what to hand to the MAC
     */
    const ns3::BuildDataListElement_s& Repeat(uint8_t process, uint32_t rbgs, uint64_t tti);

  private:
    std::array<DlHarqProcess, PROCESSES> m_processes{};
    uint8_t m_current{};
};

} // namespace slicebridge

#endif
