// SPDX-License-Identifier: GPL-2.0-only
#include "lte/dl-harq.h"

#include <algorithm>

namespace slicebridge
{

std::optional<uint8_t> DlHarq::NextFree(uint64_t tti) const
{
    for (uint32_t step = 1; step <= PROCESSES; ++step)
    {
        const auto index = static_cast<uint8_t>((m_current + step) % PROCESSES);
        const auto& process = m_processes[index];
        const bool givenUp =
            process.state == DlHarqProcess::State::Sent && tti - process.sentTti > FEEDBACK_LIMIT;
        if (process.state == DlHarqProcess::State::Free || givenUp)
        {
            return index;
        }
    }
    return std::nullopt;
}

DlHarqProcess& DlHarq::Start(uint8_t process, uint64_t tti)
{
    m_current = process;
    m_processes[process].state = DlHarqProcess::State::Sent;
    m_processes[process].sentTti = tti;
    return m_processes[process];
}

DlHarqResult DlHarq::Feedback(const ns3::DlInfoListElement_s& feedback, uint64_t tti)
{
    if (feedback.m_harqProcessId >= PROCESSES)
    {
        return DlHarqResult::Stale;
    }
    auto& process = m_processes[feedback.m_harqProcessId];
    if (process.state != DlHarqProcess::State::Sent || tti - process.sentTti > FEEDBACK_LIMIT)
    {
        return DlHarqResult::Stale;
    }
    bool anyFailed = false;
    const auto& dci = process.block.m_dci;
    for (std::size_t layer = 0; layer < MAX_LAYERS; ++layer)
    {
        process.failed[layer] = layer < feedback.m_harqStatus.size() &&
                                layer < dci.m_tbsSize.size() && dci.m_tbsSize[layer] > 0 &&
                                feedback.m_harqStatus[layer] == ns3::DlInfoListElement_s::NACK;
        anyFailed = anyFailed || process.failed[layer];
    }
    const bool last = *std::ranges::max_element(dci.m_rv) >= LAST_REDUNDANCY_VERSION;
    if (!anyFailed || last)
    {
        process.state = DlHarqProcess::State::Free;
        return anyFailed ? DlHarqResult::Lost : DlHarqResult::Done;
    }
    process.state = DlHarqProcess::State::Failed;
    process.failedTti = tti;
    return DlHarqResult::Failed;
}

const ns3::BuildDataListElement_s& DlHarq::Repeat(uint8_t process, uint32_t rbgs, uint64_t tti)
{
    auto& entry = m_processes[process];
    auto& dci = entry.block.m_dci;
    dci.m_rbBitmap = rbgs;
    for (std::size_t layer = 0; layer < dci.m_tbsSize.size(); ++layer)
    {
        dci.m_ndi[layer] = 0;
        if (entry.failed[layer])
        {
            ++dci.m_rv[layer];
        }
        else
        {
            dci.m_rv[layer] = 0;
            dci.m_mcs[layer] = 0;
            dci.m_tbsSize[layer] = 0;
        }
    }
    // The MAC sends a layer's whole stored burst once per row, and needs one row to do so.
    if (entry.block.m_rlcPduList.size() > 1)
    {
        entry.block.m_rlcPduList.resize(1);
    }
    entry.state = DlHarqProcess::State::Sent;
    entry.sentTti = tti;
    return entry.block;
}

} // namespace slicebridge
