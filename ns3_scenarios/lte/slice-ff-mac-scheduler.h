// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_SLICE_FF_MAC_SCHEDULER_H
#define SLICEBRIDGE_LTE_SLICE_FF_MAC_SCHEDULER_H

#include "lte/dl-counters.h"
#include "lte/dl-decision.h"
#include "lte/dl-grid.h"
#include "lte/dl-ue.h"
#include "lte/tb-table.h"
#include "lte/uplink-delegate.h"
#include "slicing/rrm-policy.h"
#include "slicing/ue-ranking.h"
#include "slicing/unit-allocator.h"

#include "ns3/ff-mac-csched-sap.h"
#include "ns3/ff-mac-sched-sap.h"
#include "ns3/ff-mac-scheduler.h"
#include "ns3/lte-ffr-sap.h"
#include "ns3/traced-callback.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace slicebridge
{

/// How one slice is scheduled.
struct SliceSchedulerConfig
{
    SchedulingRule rule{SchedulingRule::ProportionalFair};
    double delayBudget_ms{300.0}; ///< for m-lwdf, > 0
    double lossTarget{0.01};      ///< for m-lwdf, in (0, 1)
    RrmPolicyRatio policy;        ///< in force until SetPolicies
};

/**
 * Slice-aware LTE downlink scheduler (FF LTE MAC Scheduler Interface v1.11) for ns-3's own stack.
 * Set it with `LteHelper::SetSchedulerType("slicebridge::SliceFfMacScheduler")`; without further
 * configuration it has one slice that may use the whole cell, under rule pf.
 *
 * In each TTI, resource block groups (RBGs, TS 36.213, table 7.1.6.1-1) go
 *  1. to HARQ repetitions, oldest first, charged to the UE's slice. A repetition that would take
 * its slice over its cap waits, but at most `MaxRetxWait` TTIs after its NACK came; then it goes
 * out all the same and the units above the cap are counted (`prbRetxOverCap`, `ttisRetxOverCap`).
 *  2. to signalling (SRB 0 to 2), whatever the slice. It belongs to no slice and is counted apart
 *     (DlCellCounters::prbSignalling); what it takes is not there to be divided in that TTI.
 *     Spare room in such a transport block carries the same UE's data.
 *  3. to slices, by UnitAllocator; caps are those of the units left by signalling. RBGs are handed
 *     out in ascending order, each to the slice that has the largest part of its grant still to
 *     come, and in it to the UE that its rule ranks highest on that RBG (sub-band CQI, else
 *     wideband). A UE gets no more RBGs than its buffer fills at its mean CQI.
 * A UE has one DCI per TTI: a repetition, or new signalling and data in one block.
 *
 * As in the stock schedulers, RBGs number floor(bandwidth / RBG size), so that 25 PRBs have 12
 * allocatable RBGs of 2; ratios are of those.
 *
 * Uplink and random access are an inner stock scheduler's (attribute `UplinkScheduler`), which is
 * told of no downlink.
 */
class SliceFfMacScheduler : public ns3::FfMacScheduler
{
  public:
    /// Slice of the UE that `rnti` names in this cell, asked when its data bearer is set up.
    using SliceResolver = std::function<std::optional<uint32_t>(uint16_t rnti, uint8_t qci)>;
    /// Told of a UE just before it is forgotten, with its final counters.
    using ReleaseHook = std::function<void(uint16_t rnti, const DlUeCounters& counters)>;

    static ns3::TypeId GetTypeId();

    SliceFfMacScheduler();
    ~SliceFfMacScheduler() override;

    /// Configure the slices, 1 to 32, before any UE connects.
    void SetSlices(std::span<const SliceSchedulerConfig> slices);

    /// New policies from the next TTI on; feasible, one per slice.
    void SetPolicies(std::span<const RrmPolicyRatio> policies);

    /**
     * How to find the slice of a UE. Without a resolver, or where it knows none, a UE belongs to
     * slice 0 until SetUeSlice says otherwise.
     */
    void SetSliceResolver(SliceResolver resolver);

    /// Put a connected UE into a slice. Its past counters stay where they were made.
    void SetUeSlice(uint16_t rnti, uint32_t slice);

    /// Low-level agent's weight of a connected UE, > 0, applied from the next TTI on.
    void SetUeWeight(uint16_t rnti, double weight);

    void SetReleaseHook(ReleaseHook hook);

    /// Who is told of transport blocks from now on, and outlives that; null: nobody.
    void SetObserver(DlObserver* observer);

    const DlSliceCounters& Slice(std::size_t slice) const;
    const DlCellCounters& Cell() const;

    /// Totals and state of a connected UE; nothing if `rnti` is not known.
    std::optional<DlUeCounters> Ue(uint16_t rnti) const;

    /// PRBs of one RBG, 1 to 4; 0 before the cell is configured.
    uint32_t RbgSize() const;

    // Inherited from FfMacScheduler.
    void SetFfMacCschedSapUser(ns3::FfMacCschedSapUser* s) override;
    void SetFfMacSchedSapUser(ns3::FfMacSchedSapUser* s) override;
    ns3::FfMacCschedSapProvider* GetFfMacCschedSapProvider() override;
    ns3::FfMacSchedSapProvider* GetFfMacSchedSapProvider() override;
    void SetLteFfrSapProvider(ns3::LteFfrSapProvider* s) override;
    ns3::LteFfrSapUser* GetLteFfrSapUser() override;

  protected:
    void NotifyConstructionCompleted() override;
    void DoDispose() override;

  private:
    class CschedSap;
    class SchedSap;

    void ConfigureCell(const ns3::FfMacCschedSapProvider::CschedCellConfigReqParameters& params);
    void ConfigureUe(const ns3::FfMacCschedSapProvider::CschedUeConfigReqParameters& params);
    void ConfigureBearers(const ns3::FfMacCschedSapProvider::CschedLcConfigReqParameters& params);
    void ReleaseBearers(const ns3::FfMacCschedSapProvider::CschedLcReleaseReqParameters& params);
    void ReleaseUe(uint16_t rnti);
    void ReportBuffer(const ns3::FfMacSchedSapProvider::SchedDlRlcBufferReqParameters& params);
    void ReportCqi(const ns3::FfMacSchedSapProvider::SchedDlCqiInfoReqParameters& params);
    void Schedule(const ns3::FfMacSchedSapProvider::SchedDlTriggerReqParameters& params);

    /// A block to be repeated.
    struct Repetition
    {
        DlUe* ue;
        uint8_t process;
    };

    /// RBGs that one slice uses in the present TTI.
    struct SliceTti
    {
        uint32_t cap{};
        uint32_t newUnits{};
        uint32_t retxUnits{};
        uint32_t retxOver{};
    };

    void BeginTti();
    void TakeFeedback(const std::vector<ns3::DlInfoListElement_s>& feedback);
    void Retransmit();
    bool Repeat(const Repetition& repetition);
    bool MayRepeat(const DlHarqProcess& process, uint32_t units);
    void ServeSignalling();
    void ServeSlices();
    void GatherCandidates();
    void Transmit(DlUe& ue, uint8_t process);
    void FillDci(ns3::DlDciListElement_s& dci, const DlUe& ue);
    void CountBlocks(DlUe& ue, const DlHarqProcess& process, bool repeated);
    void ReportBlocks(const DlUe& ue, const DlHarqProcess& process, bool repeated);
    void ReportFeedback(const DlUe& ue, uint8_t index);
    void CountTti();
    void TraceTti();
    DlUe* Find(uint16_t rnti) const;

    uint32_t m_maxRetxWait{};
    uint32_t m_cqiLifetime{};
    ns3::TypeId m_uplinkType;

    std::unique_ptr<CschedSap> m_cschedSap;
    std::unique_ptr<SchedSap> m_schedSap;
    std::unique_ptr<ns3::LteFfrSapUser> m_ffrSapUser;
    std::unique_ptr<UplinkDelegate> m_uplink;
    ns3::FfMacSchedSapUser* m_schedSapUser{};
    ns3::LteFfrSapProvider* m_ffr{};

    std::vector<SliceSchedulerConfig> m_slices;
    UnitAllocator m_allocator;
    DlDecision m_decision;
    SliceResolver m_resolver;
    ReleaseHook m_releaseHook;
    DlObserver* m_observer{};

    std::vector<std::unique_ptr<DlUe>> m_ueByRnti; ///< indexed by RNTI
    std::vector<DlUe*> m_ues;                      ///< connected, ascending RNTI
    std::vector<Repetition> m_repetitions;         ///< oldest first
    TbTable m_tb;
    uint32_t m_rbgSize_prb{};
    uint64_t m_tti{}; ///< the TTI scheduled last, or at present

    DlGrid m_grid;
    std::vector<SliceTti> m_sliceTti;
    std::vector<SliceDemand> m_demand;
    std::span<const uint32_t> m_granted;
    uint32_t m_signallingUnits{};
    ns3::FfMacSchedSapUser::SchedDlConfigIndParameters m_ind;

    std::vector<DlSliceCounters> m_sliceCounters;
    DlCellCounters m_cell;
    DlTtiRecord m_record;
    ns3::TracedCallback<const DlTtiRecord&> m_ttiTrace;
};

} // namespace slicebridge

#endif
