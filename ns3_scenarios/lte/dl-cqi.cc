// SPDX-License-Identifier: GPL-2.0-only
#include "lte/dl-cqi.h"

#include <algorithm>
#include <bit>

namespace slicebridge
{

namespace
{

constexpr uint8_t LOWEST_CQI = 1; // where nothing is known
constexpr double TTI_S = 0.001;

/// CQI of `layer` in a report's list, which is shorter if the UE measured fewer layers.
uint8_t LayerCqi(const std::vector<uint8_t>& cqi, uint32_t layer)
{
    return layer < cqi.size() ? std::min<uint8_t>(cqi[layer], 15) : LOWEST_CQI;
}

} // namespace

DlCqi::DlCqi(const TbTable& table)
    : m_table(table)
{
    Update();
}

void DlCqi::SetLayers(uint32_t layers)
{
    m_layers = std::clamp(layers, 1U, MAX_LAYERS);
    Update();
}

void DlCqi::Report(const ns3::CqiListElement_s& report, uint64_t tti)
{
    if (report.m_cqiType == ns3::CqiListElement_s::P10)
    {
        m_hasWideband = true;
        m_widebandTti = tti;
        for (uint32_t layer = 0; layer < MAX_LAYERS; ++layer)
        {
            m_wideband[layer] = LayerCqi(report.m_wbCqi, layer);
        }
        m_lastWideband = m_wideband[0];
        if (m_hasSubband)
        {
            return; // which prevails
        }
    }
    else if (report.m_cqiType == ns3::CqiListElement_s::A30)
    {
        m_hasSubband = true;
        m_subbandTti = tti;
        const auto& bands = report.m_sbMeasResult.m_higherLayerSelected;
        for (uint32_t layer = 0; layer < MAX_LAYERS; ++layer)
        {
            for (uint32_t rbg = 0; rbg < m_table.Rbgs(); ++rbg)
            {
                m_subband[layer][rbg] =
                    rbg < bands.size() ? LayerCqi(bands[rbg].m_sbCqi, layer) : LOWEST_CQI;
            }
        }
    }
    Update();
}

void DlCqi::Expire(uint64_t tti, uint64_t lifetime)
{
    const bool widebandGone = m_hasWideband && tti - m_widebandTti >= lifetime;
    const bool subbandGone = m_hasSubband && tti - m_subbandTti >= lifetime;
    if (widebandGone || subbandGone)
    {
        m_hasWideband = m_hasWideband && !widebandGone;
        m_hasSubband = m_hasSubband && !subbandGone;
        Update();
    }
}

uint8_t DlCqi::Mcs(uint32_t layer, uint32_t rbgs) const
{
    uint8_t worst = 15;
    for (uint32_t left = rbgs; left != 0; left &= left - 1)
    {
        worst = std::min(worst, m_cqi[layer][std::countr_zero(left)]);
    }
    return m_table.McsOfCqi(worst);
}

uint32_t DlCqi::Room(uint32_t rbgs) const
{
    const auto units = static_cast<uint32_t>(std::popcount(rbgs));
    uint32_t bytes = 0;
    for (uint32_t layer = 0; layer < m_layers; ++layer)
    {
        bytes += m_table.Bytes(Mcs(layer, rbgs), units);
    }
    return bytes;
}

uint32_t DlCqi::RbgsFor(uint32_t bytes) const
{
    uint32_t low = 1;
    uint32_t high = m_table.Rbgs();
    while (low < high)
    {
        const uint32_t middle = (low + high) / 2;
        uint32_t room = 0;
        for (uint32_t layer = 0; layer < m_layers; ++layer)
        {
            room += m_table.Bytes(m_meanMcs[layer], middle);
        }
        if (room >= bytes)
        {
            high = middle;
        }
        else
        {
            low = middle + 1;
        }
    }
    return low;
}

void DlCqi::Update()
{
    m_rate_bps.fill(0.0);
    m_inRange = false;
    std::array<uint32_t, MAX_LAYERS> sum{};
    for (uint32_t rbg = 0; rbg < m_table.Rbgs(); ++rbg)
    {
        bool usable = false;
        double rate_bps = 0.0;
        for (uint32_t layer = 0; layer < m_layers; ++layer)
        {
            const uint8_t cqi = m_hasSubband    ? m_subband[layer][rbg]
                                : m_hasWideband ? m_wideband[layer]
                                                : LOWEST_CQI;
            m_cqi[layer][rbg] = cqi;
            sum[layer] += cqi;
            usable = usable || cqi > 0; // CQI 0 is "out of range" (TS 36.213, table 7.2.3-1)
            rate_bps += 8.0 * (m_table.Bytes(m_table.McsOfCqi(cqi), 1) / TTI_S);
        }
        m_rate_bps[rbg] = usable ? rate_bps : 0.0;
        m_inRange = m_inRange || usable;
    }
    for (uint32_t layer = 0; layer < m_layers && m_table.Rbgs() > 0; ++layer)
    {
        const auto mean = static_cast<uint8_t>(sum[layer] / m_table.Rbgs());
        m_meanMcs[layer] = m_table.McsOfCqi(mean);
    }
}

} // namespace slicebridge
