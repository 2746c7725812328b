// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_DU_PROCESSOR_H
#define SLICEBRIDGE_SLICING_DU_PROCESSOR_H

#include "slicing/du-queue.h"

#include "ns3/event-id.h"

#include <functional>

namespace slicebridge
{

/// A DuQueue with an event for each packet, for networks that must have it the moment it is ready.
class DuProcessor
{
  public:
    using Output = std::function<void(DuPacket&&)>;

    /**
     * @param slices number of them; each begins with an equal share
     * @param processed gets each packet when its processing is complete
     * @param refused gets each packet that found its queue full
     */
    DuProcessor(const DuConfig& config, std::size_t slices, Output processed, Output refused);
    ~DuProcessor();
    DuProcessor(const DuProcessor&) = delete;
    DuProcessor& operator=(const DuProcessor&) = delete;

    // As of DuQueue, now.
    void SetShares(std::span<const float> shares);
    void Enqueue(std::size_t slice, DuPacket&& packet);
    void Insert(std::size_t slice, DuPacket&& packet);
    std::vector<DuPacket> Remove(std::size_t slice, uint32_t ue);

    /// For questions.
    const DuQueue& Queue() const
    {
        return m_queue;
    }

  private:
    void ScheduleCompletion(std::size_t slice);
    void Complete(std::size_t slice);

    DuQueue m_queue;
    std::vector<ns3::EventId> m_completions; ///< [slice]
    Output m_processed;
    Output m_refused;
};

} // namespace slicebridge

#endif
