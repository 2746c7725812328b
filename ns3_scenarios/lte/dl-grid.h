// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_DL_GRID_H
#define SLICEBRIDGE_LTE_DL_GRID_H

#include <bit>
#include <cstdint>
#include <optional>

namespace slicebridge
{

/// The RBGs of one TTI as a bitmap: which may be used, and which of them are still free.
class DlGrid
{
  public:
    /// @param allocatable bitmap of the RBGs that may be used in this TTI
    void Reset(uint32_t rbgs, uint32_t allocatable);

    /// Number of RBGs that may be used in this TTI.
    uint32_t Units() const
    {
        return m_units;
    }

    uint32_t Free() const
    {
        return m_free;
    }

    void Take(uint32_t rbgs)
    {
        m_free &= ~rbgs;
    }

    /**
     * Where a repetition of a block that went on the RBGs `previous` can go: the same ones if all
     * are free, else as many free ones cyclically after the last of them. Takes nothing.
     */
    std::optional<uint32_t> Place(uint32_t previous) const;

  private:
    uint32_t m_rbgs{};
    uint32_t m_units{};
    uint32_t m_free{};
};

} // namespace slicebridge

#endif
