// SPDX-License-Identifier: GPL-2.0-only
#include "lte/tb-table.h"

#include "ns3/abort.h"
#include "ns3/lte-amc.h"

namespace slicebridge
{

uint32_t RbgSizeOf(uint32_t bandwidth_prb)
{
    if (bandwidth_prb <= 10)
    {
        return 1;
    }
    if (bandwidth_prb <= 26)
    {
        return 2;
    }
    return bandwidth_prb <= 63 ? 3 : 4;
}

void TbTable::Build(uint32_t rbgSize_prb, uint32_t rbgs)
{
    NS_ABORT_MSG_IF(rbgs == 0 || rbgs > MAX_RBGS, "A carrier of " << rbgs << " RBGs");
    auto amc = ns3::CreateObject<ns3::LteAmc>();
    m_rbgs = rbgs;
    for (int cqi = 0; cqi < 16; ++cqi)
    {
        m_mcsOfCqi[cqi] = static_cast<uint8_t>(amc->GetMcsFromCqi(cqi));
    }
    for (int mcs = 0; mcs < 29; ++mcs)
    {
        for (uint32_t n = 1; n <= rbgs; ++n)
        {
            const int prb = static_cast<int>(n * rbgSize_prb);
            m_bytes[mcs][n] = static_cast<uint32_t>(amc->GetDlTbSizeFromMcs(mcs, prb) / 8);
        }
    }
}

} // namespace slicebridge
