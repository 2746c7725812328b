// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_DL_DECISION_H
#define SLICEBRIDGE_LTE_DL_DECISION_H

#include "lte/dl-grid.h"
#include "lte/dl-ue.h"
#include "slicing/slice.h"

#include "ns3/lte-ffr-sap.h"

#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge
{

/**
 * Who gets which RBG in one TTI, once it is known how many each slice gets. RBGs are walked in
 * ascending order. Each goes to the slice that has the largest part of its grant still to come, and
 * in it to the UE that ranks highest on that RBG; a slice that cannot use the RBG is passed over.
 *
 * Equal ranks go to the lower RNTI; UEs of rank 0, among which the rule does not choose, take
 * turns.
 */
class DlDecision
{
  public:
    /// @param rules one per slice
    explicit DlDecision(std::vector<SchedulingRule> rules);

    /// Forget the last TTI's candidates.
    void Begin();

    /// `ue` may get up to `ue.wantedUnits` RBGs from `slice`.
    void Add(std::size_t slice, DlUe& ue);

    /// RBGs that the candidates of `slice` could fill.
    uint32_t Wanted(std::size_t slice) const
    {
        return m_slices[slice].wanted;
    }

    /// Hand out free RBGs of `grid` to the candidates, filling in `dataRbgs` and `units` of UEs.
    void Assign(std::span<const uint32_t> granted, DlGrid& grid, ns3::LteFfrSapProvider& ffr);

  private:
    struct Slice
    {
        SchedulingRule rule;
        std::vector<DlUe*> candidates; ///< ascending RNTI
        uint32_t wanted{};
        uint32_t granted{};
        uint32_t left{};
    };

    bool Walk(DlGrid& grid, ns3::LteFfrSapProvider& ffr);
    bool AssignRbg(uint32_t rbg, ns3::LteFfrSapProvider& ffr);
    Slice* NextSlice(uint32_t passedOver);
    DlUe* BestUe(const Slice& slice, uint32_t rbg, ns3::LteFfrSapProvider& ffr) const;

    std::vector<Slice> m_slices;
    uint64_t m_turns{};
};

} // namespace slicebridge

#endif
