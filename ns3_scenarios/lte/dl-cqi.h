// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_DL_CQI_H
#define SLICEBRIDGE_LTE_DL_CQI_H

#include "lte/tb-table.h"

#include "ns3/ff-mac-common.h"

#include <array>
#include <cstdint>

namespace slicebridge
{

/**
 * What the base station knows of one UE's channel: sub-band CQI (report type A30) while it is
 * valid, else wideband CQI (P10), else the lowest CQI.
 */
class DlCqi
{
  public:
    explicit DlCqi(const TbTable& table);

    /// Layers of the UE's transmission mode, 1 or 2.
    void SetLayers(uint32_t layers);

    /**
     * Take a report in.
     * @param tti the next TTI to be scheduled
     */
    void Report(const ns3::CqiListElement_s& report, uint64_t tti);

    /// Forget reports that are `lifetime` TTIs old or older at `tti`.
    void Expire(uint64_t tti, uint64_t lifetime);

    /// Last wideband CQI of layer 0, 0 before the first; kept when it expires.
    uint8_t Wideband() const
    {
        return m_lastWideband;
    }

    /// Rate on RBG `rbg` alone, over all layers; 0 if the UE is out of range there.
    double Rate_bps(uint32_t rbg) const
    {
        return m_rate_bps[rbg];
    }

    /// True if the UE is in range on any RBG.
    bool InRange() const
    {
        return m_inRange;
    }

    uint32_t Layers() const
    {
        return m_layers;
    }

    /// MCS of `layer` that its worst RBG in the bitmap `rbgs` bears.
    uint8_t Mcs(uint32_t layer, uint32_t rbgs) const;

    /// Bytes of the transport blocks, over all layers, that go on the RBGs in the bitmap `rbgs`.
    uint32_t Room(uint32_t rbgs) const;

    /// Fewest RBGs whose transport blocks at the mean CQI hold `bytes`; at most all of the carrier.
    uint32_t RbgsFor(uint32_t bytes) const;

  private:
    void Update();

    const TbTable& m_table;
    uint32_t m_layers{1};
    bool m_inRange{true};
    bool m_hasWideband{false};
    bool m_hasSubband{false};
    uint8_t m_lastWideband{};
    uint64_t m_widebandTti{};
    uint64_t m_subbandTti{};
    std::array<uint8_t, MAX_LAYERS> m_wideband{};
    std::array<std::array<uint8_t, MAX_RBGS>, MAX_LAYERS> m_subband{};

    // Derived from the above by Update().
    std::array<std::array<uint8_t, MAX_RBGS>, MAX_LAYERS> m_cqi{};
    std::array<double, MAX_RBGS> m_rate_bps{};
    std::array<uint8_t, MAX_LAYERS> m_meanMcs{};
};

} // namespace slicebridge

#endif
