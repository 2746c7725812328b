// SPDX-License-Identifier: GPL-2.0-only
#include "lte/dl-grid.h"

namespace slicebridge
{

void DlGrid::Reset(uint32_t rbgs, uint32_t allocatable)
{
    m_rbgs = rbgs;
    m_free = allocatable;
    m_units = static_cast<uint32_t>(std::popcount(allocatable));
}

std::optional<uint32_t> DlGrid::Place(uint32_t previous) const
{
    if ((previous & ~m_free) == 0)
    {
        return previous;
    }
    uint32_t missing = static_cast<uint32_t>(std::popcount(previous));
    uint32_t chosen = 0;
    const uint32_t first = static_cast<uint32_t>(std::bit_width(previous)); // after its last RBG
    for (uint32_t step = 0; step < m_rbgs && missing > 0; ++step)
    {
        const uint32_t rbg = 1U << ((first + step) % m_rbgs);
        if ((m_free & rbg) != 0)
        {
            chosen |= rbg;
            --missing;
        }
    }
    return missing == 0 ? std::optional(chosen) : std::nullopt;
}

} // namespace slicebridge
