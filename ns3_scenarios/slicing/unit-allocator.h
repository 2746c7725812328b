// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_UNIT_ALLOCATOR_H
#define SLICEBRIDGE_SLICING_UNIT_ALLOCATOR_H

#include "slicing/rrm-policy.h"

#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge
{

/// What a slice wants and already holds in one TTI, in allocation units.
struct SliceDemand
{
    uint32_t wanted{};    ///< units that new data could fill
    uint32_t committed{}; ///< units already taken by repetitions that could not wait
};

/**
 * Divides the allocation units of a TTI (PRBs, or RBGs where the RAN cannot do finer) between
 * slices by RrmPolicyRatio. Integer shares are by largest remainder, and what rounding kept from a
 * slice is carried to the following TTIs, so that long-run ratios are met. Knows no radio.
 */
class UnitAllocator
{
  public:
    explicit UnitAllocator(std::size_t slices);

    /// @param policies feasible, one per slice
    void SetPolicies(std::span<const RrmPolicyRatio> policies);

    /**
     * Divide one TTI.
     *
     * Guarantees: sum(committed + granted) <= units; committed + granted <= floor(max x units)
     * unless committed alone passes it, and then granted is 0; unused `dedicated` stays idle;
     * nothing else stays idle while a slice below its cap wants it; the result depends on the
     * order of slices only to break exact ties, by slice id.
     *
     * @param units allocatable in this TTI, those in `committed` included
     * @param demand one per slice
     * @return units for new data, one per slice; valid until the next call
     */
    std::span<const uint32_t> Allocate(uint32_t units, std::span<const SliceDemand> demand);

  private:
    std::vector<RrmPolicyRatio> m_policies;
    std::vector<double> m_carry;
    std::vector<uint32_t> m_granted;
};

} // namespace slicebridge

#endif
