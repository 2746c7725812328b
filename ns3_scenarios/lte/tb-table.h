// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_TB_TABLE_H
#define SLICEBRIDGE_LTE_TB_TABLE_H

#include <array>
#include <cstdint>
#include <vector>

namespace slicebridge
{

/// RBGs of the widest LTE carrier (25 of 4 PRBs at 100; 26 leaves room for none to be missed).
constexpr uint32_t MAX_RBGS = 26;
/// Spatial layers of ns-3's transmission modes.
constexpr uint32_t MAX_LAYERS = 2;

/// PRBs per RBG of a carrier of `bandwidth_prb` (TS 36.213, table 7.1.6.1-1).
uint32_t RbgSizeOf(uint32_t bandwidth_prb);

/**
 * Transport block sizes in bytes by MCS and number of RBGs, and the MCS of each CQI, as LteAmc
 * gives them; looked up once, because the scheduler asks some hundred times per TTI.
 */
class TbTable
{
  public:
    /// @param rbgSize_prb PRBs per RBG
    /// @param rbgs RBGs of the carrier, at most MAX_RBGS
    void Build(uint32_t rbgSize_prb, uint32_t rbgs);

    /// @param rbgs 1 to those of the carrier
    uint32_t Bytes(uint8_t mcs, uint32_t rbgs) const
    {
        return m_bytes[mcs][rbgs];
    }

    uint8_t McsOfCqi(uint8_t cqi) const
    {
        return m_mcsOfCqi[cqi];
    }

    uint32_t Rbgs() const
    {
        return m_rbgs;
    }

  private:
    std::array<std::array<uint32_t, MAX_RBGS + 1>, 29> m_bytes{};
    std::array<uint8_t, 16> m_mcsOfCqi{};
    uint32_t m_rbgs{};
};

} // namespace slicebridge

#endif
