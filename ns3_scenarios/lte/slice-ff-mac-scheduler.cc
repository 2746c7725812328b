// SPDX-License-Identifier: GPL-2.0-only
#include "lte/slice-ff-mac-scheduler.h"

#include "ns3/abort.h"
#include "ns3/lte-common.h"
#include "ns3/pf-ff-mac-scheduler.h"
#include "ns3/trace-source-accessor.h"
#include "ns3/type-id.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace slicebridge
{

NS_OBJECT_ENSURE_REGISTERED(SliceFfMacScheduler);

namespace
{

constexpr double AVERAGING_TTIS = 99.0; // of the served rate, as ns-3's own PF
constexpr double TTI_S = 0.001;

uint32_t Count(uint32_t rbgs)
{
    return static_cast<uint32_t>(std::popcount(rbgs));
}

/// The frequency reuse algorithm asks nothing of a scheduler.
class FfrSapUser : public ns3::LteFfrSapUser
{
};

std::vector<SchedulingRule> RulesOf(std::span<const SliceSchedulerConfig> slices)
{
    std::vector<SchedulingRule> rules;
    for (const auto& slice : slices)
    {
        rules.push_back(slice.rule);
    }
    return rules;
}

} // namespace

/// Configuration: what concerns the uplink too goes to its scheduler first, which also confirms.
class SliceFfMacScheduler::CschedSap : public ns3::FfMacCschedSapProvider
{
  public:
    explicit CschedSap(SliceFfMacScheduler& owner)
        : m_owner(owner)
    {
    }

    void CschedCellConfigReq(const CschedCellConfigReqParameters& params) override
    {
        m_owner.ConfigureCell(params);
        m_owner.m_uplink->Csched().CschedCellConfigReq(params);
    }

    void CschedUeConfigReq(const CschedUeConfigReqParameters& params) override
    {
        m_owner.ConfigureUe(params);
        m_owner.m_uplink->Csched().CschedUeConfigReq(params);
    }

    void CschedLcConfigReq(const CschedLcConfigReqParameters& params) override
    {
        m_owner.ConfigureBearers(params);
        m_owner.m_uplink->Csched().CschedLcConfigReq(params);
    }

    void CschedLcReleaseReq(const CschedLcReleaseReqParameters& params) override
    {
        m_owner.ReleaseBearers(params);
        m_owner.m_uplink->Csched().CschedLcReleaseReq(params);
    }

    void CschedUeReleaseReq(const CschedUeReleaseReqParameters& params) override
    {
        m_owner.ReleaseUe(params.m_rnti);
        m_owner.m_uplink->Csched().CschedUeReleaseReq(params);
    }

  private:
    SliceFfMacScheduler& m_owner;
};

/// Scheduling: downlink is decided here, all else is the uplink scheduler's.
class SliceFfMacScheduler::SchedSap : public ns3::FfMacSchedSapProvider
{
  public:
    explicit SchedSap(SliceFfMacScheduler& owner)
        : m_owner(owner)
    {
    }

    void SchedDlRlcBufferReq(const SchedDlRlcBufferReqParameters& params) override
    {
        m_owner.ReportBuffer(params);
    }

    void SchedDlPagingBufferReq(const SchedDlPagingBufferReqParameters&) override
    {
        NS_ABORT_MSG("Paging is not modelled by ns-3's LTE MAC");
    }

    void SchedDlMacBufferReq(const SchedDlMacBufferReqParameters&) override
    {
        NS_ABORT_MSG("MAC control elements are not modelled by ns-3's LTE MAC");
    }

    void SchedDlTriggerReq(const SchedDlTriggerReqParameters& params) override
    {
        m_owner.Schedule(params);
    }

    void SchedDlRachInfoReq(const SchedDlRachInfoReqParameters& params) override
    {
        m_owner.m_uplink->Sched().SchedDlRachInfoReq(params);
    }

    void SchedDlCqiInfoReq(const SchedDlCqiInfoReqParameters& params) override
    {
        m_owner.ReportCqi(params);
    }

    void SchedUlTriggerReq(const SchedUlTriggerReqParameters& params) override
    {
        m_owner.m_uplink->Sched().SchedUlTriggerReq(params);
    }

    void SchedUlNoiseInterferenceReq(const SchedUlNoiseInterferenceReqParameters& params) override
    {
        m_owner.m_uplink->Sched().SchedUlNoiseInterferenceReq(params);
    }

    void SchedUlSrInfoReq(const SchedUlSrInfoReqParameters& params) override
    {
        m_owner.m_uplink->Sched().SchedUlSrInfoReq(params);
    }

    void SchedUlMacCtrlInfoReq(const SchedUlMacCtrlInfoReqParameters& params) override
    {
        m_owner.m_uplink->Sched().SchedUlMacCtrlInfoReq(params);
    }

    void SchedUlCqiInfoReq(const SchedUlCqiInfoReqParameters& params) override
    {
        m_owner.m_uplink->Sched().SchedUlCqiInfoReq(params);
    }

  private:
    SliceFfMacScheduler& m_owner;
};

ns3::TypeId SliceFfMacScheduler::GetTypeId()
{
    static ns3::TypeId tid =
        ns3::TypeId("slicebridge::SliceFfMacScheduler")
            .SetParent<ns3::FfMacScheduler>()
            .SetGroupName("Lte")
            .AddConstructor<SliceFfMacScheduler>()
            .AddAttribute(
                "MaxRetxWait",
                "TTIs that a HARQ repetition may wait, from its NACK on, for its slice to "
                "have room below its cap",
                ns3::UintegerValue(8),
                ns3::MakeUintegerAccessor(&SliceFfMacScheduler::m_maxRetxWait),
                ns3::MakeUintegerChecker<uint32_t>(0, 1000))
            .AddAttribute("CqiTimerThreshold",
                          "TTIs for which a CQI report is valid",
                          ns3::UintegerValue(1000),
                          ns3::MakeUintegerAccessor(&SliceFfMacScheduler::m_cqiLifetime),
                          ns3::MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("UplinkScheduler",
                          "ns-3 scheduler that does uplink and random access",
                          ns3::TypeIdValue(ns3::PfFfMacScheduler::GetTypeId()),
                          ns3::MakeTypeIdAccessor(&SliceFfMacScheduler::m_uplinkType),
                          ns3::MakeTypeIdChecker())
            .AddTraceSource("DlTti",
                            "RBGs wanted, granted and used by each slice in one TTI",
                            ns3::MakeTraceSourceAccessor(&SliceFfMacScheduler::m_ttiTrace),
                            "slicebridge::DlTtiRecord::TracedCallback");
    return tid;
}

SliceFfMacScheduler::SliceFfMacScheduler()
    : m_cschedSap(std::make_unique<CschedSap>(*this)),
      m_schedSap(std::make_unique<SchedSap>(*this)),
      m_ffrSapUser(std::make_unique<FfrSapUser>()),
      m_allocator(1),
      m_decision({})
{
    const SliceSchedulerConfig whole{.policy = {.dedicated = 0.0F, .min = 1.0F, .max = 1.0F}};
    SetSlices({&whole, 1});
}

SliceFfMacScheduler::~SliceFfMacScheduler() = default;

void SliceFfMacScheduler::NotifyConstructionCompleted()
{
    ns3::FfMacScheduler::NotifyConstructionCompleted();
    m_uplink = std::make_unique<UplinkDelegate>(m_uplinkType, m_ulCqiFilter);
}

void SliceFfMacScheduler::DoDispose()
{
    m_resolver = nullptr;
    m_releaseHook = nullptr;
    m_uplink.reset();
    ns3::FfMacScheduler::DoDispose();
}

void SliceFfMacScheduler::SetSlices(std::span<const SliceSchedulerConfig> slices)
{
    NS_ABORT_MSG_IF(slices.empty() || slices.size() > 32, slices.size() << " slices, not 1 to 32");
    NS_ABORT_MSG_IF(!m_ues.empty(), "Slices are set before UEs connect");
    m_slices.assign(slices.begin(), slices.end());
    m_allocator = UnitAllocator(slices.size());
    m_decision = DlDecision(RulesOf(slices));
    m_sliceTti.assign(slices.size(), {});
    m_demand.assign(slices.size(), {});
    m_sliceCounters.assign(slices.size(), {});
    std::vector<RrmPolicyRatio> policies;
    for (const auto& slice : slices)
    {
        policies.push_back(slice.policy);
    }
    SetPolicies(policies);
}

void SliceFfMacScheduler::SetPolicies(std::span<const RrmPolicyRatio> policies)
{
    NS_ABORT_MSG_IF(policies.size() != m_slices.size(), "One policy per slice");
    for (std::size_t i = 0; i < policies.size(); ++i)
    {
        m_slices[i].policy = policies[i];
    }
    m_allocator.SetPolicies(policies);
}

void SliceFfMacScheduler::SetSliceResolver(SliceResolver resolver)
{
    m_resolver = std::move(resolver);
}

void SliceFfMacScheduler::SetUeSlice(uint16_t rnti, uint32_t slice)
{
    NS_ABORT_MSG_IF(slice >= m_slices.size(), "No slice " << slice);
    if (DlUe* ue = Find(rnti))
    {
        ue->counters.slice = slice;
    }
}

void SliceFfMacScheduler::SetUeWeight(uint16_t rnti, double weight)
{
    if (DlUe* ue = Find(rnti))
    {
        ue->counters.weight = weight;
    }
}

void SliceFfMacScheduler::SetReleaseHook(ReleaseHook hook)
{
    m_releaseHook = std::move(hook);
}

void SliceFfMacScheduler::SetObserver(DlObserver* observer)
{
    m_observer = observer;
}

const DlSliceCounters& SliceFfMacScheduler::Slice(std::size_t slice) const
{
    return m_sliceCounters.at(slice);
}

const DlCellCounters& SliceFfMacScheduler::Cell() const
{
    return m_cell;
}

std::optional<DlUeCounters> SliceFfMacScheduler::Ue(uint16_t rnti) const
{
    const DlUe* ue = Find(rnti);
    if (ue == nullptr)
    {
        return std::nullopt;
    }
    DlUeCounters counters = ue->counters;
    counters.cqi = ue->cqi.Wideband();
    counters.averageRate_bps = ue->averageRate_bps;
    counters.ttisSinceServed = m_tti - ue->lastServedTti;
    return counters;
}

uint32_t SliceFfMacScheduler::RbgSize() const
{
    return m_rbgSize_prb;
}

void SliceFfMacScheduler::SetFfMacCschedSapUser(ns3::FfMacCschedSapUser* s)
{
    m_uplink->SetCschedUser(s);
}

void SliceFfMacScheduler::SetFfMacSchedSapUser(ns3::FfMacSchedSapUser* s)
{
    m_schedSapUser = s;
    m_uplink->SetSchedUser(s);
}

ns3::FfMacCschedSapProvider* SliceFfMacScheduler::GetFfMacCschedSapProvider()
{
    return m_cschedSap.get();
}

ns3::FfMacSchedSapProvider* SliceFfMacScheduler::GetFfMacSchedSapProvider()
{
    return m_schedSap.get();
}

void SliceFfMacScheduler::SetLteFfrSapProvider(ns3::LteFfrSapProvider* s)
{
    m_ffr = s;
    m_uplink->SetFfr(s);
}

ns3::LteFfrSapUser* SliceFfMacScheduler::GetLteFfrSapUser()
{
    return m_ffrSapUser.get();
}

void SliceFfMacScheduler::ConfigureCell(
    const ns3::FfMacCschedSapProvider::CschedCellConfigReqParameters& params)
{
    m_rbgSize_prb = RbgSizeOf(params.m_dlBandwidth);
    m_tb.Build(m_rbgSize_prb, params.m_dlBandwidth / m_rbgSize_prb);
}

void SliceFfMacScheduler::ConfigureUe(
    const ns3::FfMacCschedSapProvider::CschedUeConfigReqParameters& params)
{
    const uint16_t rnti = params.m_rnti;
    if (rnti >= m_ueByRnti.size())
    {
        m_ueByRnti.resize(rnti + 1U);
    }
    if (!m_ueByRnti[rnti])
    {
        m_ueByRnti[rnti] = std::make_unique<DlUe>(rnti, m_tb, m_tti);
        const auto place = std::ranges::upper_bound(m_ues, rnti, {}, &DlUe::rnti);
        m_ues.insert(place, m_ueByRnti[rnti].get());
    }
    m_ueByRnti[rnti]->cqi.SetLayers(
        ns3::TransmissionModesLayers::TxMode2LayerNum(params.m_transmissionMode));
}

void SliceFfMacScheduler::ConfigureBearers(
    const ns3::FfMacCschedSapProvider::CschedLcConfigReqParameters& params)
{
    DlUe* ue = Find(params.m_rnti);
    if (ue == nullptr)
    {
        return;
    }
    for (const auto& channel : params.m_logicalChannelConfigList)
    {
        if (channel.m_logicalChannelIdentity > LAST_SIGNALLING_LCID && !ue->counters.slice)
        {
            const auto slice = m_resolver ? m_resolver(params.m_rnti, channel.m_qci) : std::nullopt;
            SetUeSlice(params.m_rnti, slice.value_or(0));
        }
    }
}

void SliceFfMacScheduler::ReleaseBearers(
    const ns3::FfMacCschedSapProvider::CschedLcReleaseReqParameters& params)
{
    if (DlUe* ue = Find(params.m_rnti))
    {
        for (const uint8_t lcid : params.m_logicalChannelIdentity)
        {
            ue->buffers.Remove(lcid);
        }
    }
}

void SliceFfMacScheduler::ReleaseUe(uint16_t rnti)
{
    DlUe* ue = Find(rnti);
    if (ue == nullptr)
    {
        return;
    }
    if (m_releaseHook)
    {
        m_releaseHook(rnti, *Ue(rnti));
    }
    std::erase_if(m_repetitions, [ue](const Repetition& entry) { return entry.ue == ue; });
    std::erase(m_ues, ue);
    m_ueByRnti[rnti].reset();
}

void SliceFfMacScheduler::ReportBuffer(
    const ns3::FfMacSchedSapProvider::SchedDlRlcBufferReqParameters& params)
{
    if (DlUe* ue = Find(params.m_rnti))
    {
        ue->buffers.Report(params, m_tti + 1);
    }
}

void SliceFfMacScheduler::ReportCqi(
    const ns3::FfMacSchedSapProvider::SchedDlCqiInfoReqParameters& params)
{
    m_ffr->ReportDlCqiInfo(params);
    for (const auto& report : params.m_cqiList)
    {
        DlUe* ue = Find(report.m_rnti);
        if (ue == nullptr)
        {
            continue; // it left the cell while the report was on its way
        }
        ue->cqi.Report(report, m_tti + 1);
        if (report.m_cqiType == ns3::CqiListElement_s::P10 && ue->counters.slice)
        {
            ++m_sliceCounters[*ue->counters.slice].cqi[ue->cqi.Wideband()];
        }
    }
}

DlUe* SliceFfMacScheduler::Find(uint16_t rnti) const
{
    return rnti < m_ueByRnti.size() ? m_ueByRnti[rnti].get() : nullptr;
}

void SliceFfMacScheduler::Schedule(
    const ns3::FfMacSchedSapProvider::SchedDlTriggerReqParameters& params)
{
    m_ind = {};
    m_ind.m_nrOfPdcchOfdmSymbols = 1;
    m_ind.m_buildRarList = m_uplink->RandomAccessResponses(params.m_sfnSf);
    BeginTti();
    TakeFeedback(params.m_dlInfoList);
    Retransmit();
    ServeSignalling();
    ServeSlices();
    for (DlUe* ue : m_ues)
    {
        if ((ue->signallingRbgs | ue->dataRbgs) != 0)
        {
            Transmit(*ue, *ue->harq.NextFree(m_tti));
        }
    }
    CountTti();
    m_schedSapUser->SchedDlConfigInd(m_ind);
}

void SliceFfMacScheduler::BeginTti()
{
    ++m_tti;
    const std::vector<bool> taken = m_ffr->GetAvailableDlRbg(); // true where not available
    uint32_t allocatable = 0;
    for (uint32_t rbg = 0; rbg < m_tb.Rbgs(); ++rbg)
    {
        const bool free = rbg >= taken.size() || !taken[rbg];
        allocatable |= static_cast<uint32_t>(free) << rbg;
    }
    m_grid.Reset(m_tb.Rbgs(), allocatable);
    m_signallingUnits = 0;
    for (std::size_t i = 0; i < m_slices.size(); ++i)
    {
        m_sliceTti[i] = {.cap = WholeUnits(m_slices[i].policy.max, m_grid.Units())};
    }
    for (DlUe* ue : m_ues)
    {
        ue->BeginTti();
        ue->cqi.Expire(m_tti, m_cqiLifetime);
    }
}

void SliceFfMacScheduler::TakeFeedback(const std::vector<ns3::DlInfoListElement_s>& feedback)
{
    for (const auto& entry : feedback)
    {
        DlUe* ue = Find(entry.m_rnti);
        if (ue == nullptr)
        {
            continue; // it left the cell while the feedback was on its way
        }
        const DlHarqResult result = ue->harq.Feedback(entry, m_tti);
        if (m_observer != nullptr && result != DlHarqResult::Stale)
        {
            ReportFeedback(*ue, entry.m_harqProcessId);
        }
        if (result == DlHarqResult::Failed)
        {
            m_repetitions.push_back({ue, entry.m_harqProcessId});
        }
        if (result == DlHarqResult::Failed || result == DlHarqResult::Lost)
        {
            const DlHarqProcess& process = ue->harq.Process(entry.m_harqProcessId);
            const auto errors = static_cast<uint64_t>(std::ranges::count(process.failed, true));
            ue->counters.tbError += errors;
            if (process.slice)
            {
                m_sliceCounters[*process.slice].tbError += errors;
            }
        }
    }
}

void SliceFfMacScheduler::Retransmit()
{
    std::erase_if(m_repetitions, [this](const Repetition& entry) { return Repeat(entry); });
}

/// @return true if the repetition went out
bool SliceFfMacScheduler::Repeat(const Repetition& repetition)
{
    DlUe& ue = *repetition.ue;
    DlHarqProcess& process = ue.harq.Process(repetition.process);
    const auto place = m_grid.Place(process.block.m_dci.m_rbBitmap);
    if (ue.repeating || !place || !MayRepeat(process, Count(*place)))
    {
        return false;
    }
    ue.repeating = true;
    m_grid.Take(*place);
    m_ind.m_buildDataList.push_back(ue.harq.Repeat(repetition.process, *place, m_tti));
    if (process.slice)
    {
        SliceTti& slice = m_sliceTti[*process.slice];
        slice.retxUnits += Count(*place);
        slice.retxOver = slice.retxUnits > slice.cap ? slice.retxUnits - slice.cap : 0;
    }
    else
    {
        m_signallingUnits += Count(*place);
    }
    CountBlocks(ue, process, true);
    return true;
}

bool SliceFfMacScheduler::MayRepeat(const DlHarqProcess& process, uint32_t units)
{
    if (!process.slice)
    {
        return true;
    }
    const SliceTti& slice = m_sliceTti[*process.slice];
    if (slice.retxUnits + units <= slice.cap || m_tti - process.failedTti >= m_maxRetxWait)
    {
        return true;
    }
    ++m_sliceCounters[*process.slice].ttisRetxWaited;
    return false;
}

void SliceFfMacScheduler::ServeSignalling()
{
    for (DlUe* ue : m_ues)
    {
        const uint32_t bytes = ue->buffers.SignallingBytes();
        if (bytes == 0 || ue->repeating || !ue->harq.NextFree(m_tti))
        {
            continue;
        }
        for (uint32_t free = m_grid.Free(); free != 0; free &= free - 1)
        {
            const auto rbg = static_cast<uint32_t>(std::countr_zero(free));
            if (ue->cqi.Rate_bps(rbg) > 0.0 &&
                m_ffr->IsDlRbgAvailableForUe(static_cast<int>(rbg), ue->rnti))
            {
                ue->signallingRbgs |= 1U << rbg;
                if (ue->cqi.Room(ue->signallingRbgs) >= bytes)
                {
                    break;
                }
            }
        }
        m_grid.Take(ue->signallingRbgs);
        m_signallingUnits += Count(ue->signallingRbgs);
    }
}

void SliceFfMacScheduler::GatherCandidates()
{
    m_decision.Begin();
    for (DlUe* ue : m_ues)
    {
        const uint32_t bytes = ue->buffers.DataBytes();
        if (bytes == 0 || !ue->counters.slice || ue->repeating || !ue->cqi.InRange() ||
            !ue->harq.NextFree(m_tti))
        {
            continue;
        }
        const SliceSchedulerConfig& slice = m_slices[*ue->counters.slice];
        ue->wantedUnits = ue->cqi.RbgsFor(bytes);
        ue->ranking = {
            .averageRate_bps = ue->averageRate_bps,
            .holDelay_ms = ue->buffers.DataHolDelay_ms(m_tti),
            .delayBudget_ms = slice.delayBudget_ms,
            .lossTarget = slice.lossTarget,
            .ttisSinceServed = m_tti - ue->lastServedTti,
            .weight = ue->counters.weight,
        };
        m_decision.Add(*ue->counters.slice, *ue);
    }
}

void SliceFfMacScheduler::ServeSlices()
{
    GatherCandidates();
    for (std::size_t i = 0; i < m_slices.size(); ++i)
    {
        m_demand[i] = {.wanted = m_decision.Wanted(i), .committed = m_sliceTti[i].retxUnits};
    }
    m_granted = m_allocator.Allocate(m_grid.Units() - m_signallingUnits, m_demand);
    m_decision.Assign(m_granted, m_grid, *m_ffr);
    for (const DlUe* ue : m_ues)
    {
        if (ue->units > 0)
        {
            m_sliceTti[*ue->counters.slice].newUnits += ue->units;
        }
    }
}

void SliceFfMacScheduler::Transmit(DlUe& ue, uint8_t index)
{
    DlHarqProcess& process = ue.harq.Start(index, m_tti);
    process.slice = ue.units > 0 ? ue.counters.slice : std::nullopt;
    process.block = {};
    process.block.m_rnti = ue.rnti;
    process.block.m_dci.m_harqProcess = index;
    FillDci(process.block.m_dci, ue);
    process.block.m_rlcPduList = ue.buffers.Fill(process.block.m_dci.m_tbsSize);
    for (const uint16_t bytes : process.block.m_dci.m_tbsSize)
    {
        ue.sent_bytes += bytes;
    }
    m_ind.m_buildDataList.push_back(process.block);
    CountBlocks(ue, process, false);
}

void SliceFfMacScheduler::FillDci(ns3::DlDciListElement_s& dci, const DlUe& ue)
{
    const uint32_t rbgs = ue.signallingRbgs | ue.dataRbgs;
    dci.m_rnti = ue.rnti;
    dci.m_resAlloc = 0; // type 0: a bitmap of RBGs
    dci.m_rbBitmap = rbgs;
    dci.m_tpc = m_ffr->GetTpc(ue.rnti);
    for (uint32_t layer = 0; layer < ue.cqi.Layers(); ++layer)
    {
        const uint8_t mcs = ue.cqi.Mcs(layer, rbgs);
        dci.m_mcs.push_back(mcs);
        dci.m_tbsSize.push_back(static_cast<uint16_t>(m_tb.Bytes(mcs, Count(rbgs))));
        dci.m_ndi.push_back(1);
        dci.m_rv.push_back(0);
    }
}

void SliceFfMacScheduler::CountBlocks(DlUe& ue, const DlHarqProcess& process, bool repeated)
{
    const auto& dci = process.block.m_dci;
    const uint64_t prb = uint64_t{Count(dci.m_rbBitmap)} * m_rbgSize_prb;
    // Signalling in a new block is in no slice, nor are the RBGs that it was given.
    const uint64_t slice_prb = repeated ? prb : uint64_t{ue.units} * m_rbgSize_prb;
    ue.lastServedTti = m_tti;
    ue.counters.prbUsed += prb;
    ue.counters.prbRetx += repeated ? prb : 0;
    for (std::size_t layer = 0; layer < dci.m_tbsSize.size(); ++layer)
    {
        if (dci.m_tbsSize[layer] == 0)
        {
            continue;
        }
        ++ue.counters.tb;
        if (process.slice)
        {
            ++m_sliceCounters[*process.slice].tb;
            m_sliceCounters[*process.slice].mcs[dci.m_mcs[layer]] += slice_prb;
        }
    }
    if (m_observer != nullptr)
    {
        ReportBlocks(ue, process, repeated);
    }
}

void SliceFfMacScheduler::ReportBlocks(const DlUe& ue, const DlHarqProcess& process, bool repeated)
{
    const auto& dci = process.block.m_dci;
    // Signalling and data in one block have RBGs of their own.
    const uint32_t signalling = repeated || !process.slice ? 0 : ue.signallingRbgs;
    DlSentBlock block{.rnti = ue.rnti,
                      .slice = process.slice,
                      .process = dci.m_harqProcess,
                      .rbgs = dci.m_rbBitmap & ~signalling};
    for (std::size_t layer = 0; layer < dci.m_tbsSize.size(); ++layer)
    {
        if (dci.m_tbsSize[layer] == 0)
        {
            continue;
        }
        block.layer = static_cast<uint8_t>(layer);
        block.mcs = dci.m_mcs[layer];
        block.tbs_bytes = dci.m_tbsSize[layer];
        block.transmission = static_cast<uint8_t>(dci.m_rv[layer] + 1);
        m_observer->OnSent(block);
        block.sharesRbgs = true;
    }
    if (signalling != 0)
    {
        m_observer->OnSent({.rnti = ue.rnti,
                            .slice = std::nullopt,
                            .process = dci.m_harqProcess,
                            .mcs = dci.m_mcs.front(),
                            .rbgs = signalling});
    }
}

void SliceFfMacScheduler::ReportFeedback(const DlUe& ue, uint8_t index)
{
    const DlHarqProcess& process = ue.harq.Process(index);
    const auto& dci = process.block.m_dci;
    for (std::size_t layer = 0; layer < dci.m_tbsSize.size(); ++layer)
    {
        if (dci.m_tbsSize[layer] > 0)
        {
            m_observer->OnAnswered({.rnti = ue.rnti,
                                    .process = index,
                                    .layer = static_cast<uint8_t>(layer),
                                    .age_ttis = static_cast<uint32_t>(m_tti - process.sentTti),
                                    .ack = !process.failed[layer]});
        }
    }
}

void SliceFfMacScheduler::CountTti()
{
    ++m_cell.ttis;
    m_cell.prbAvailable += uint64_t{m_grid.Units()} * m_rbgSize_prb;
    m_cell.prbSignalling += uint64_t{m_signallingUnits} * m_rbgSize_prb;
    for (std::size_t i = 0; i < m_slices.size(); ++i)
    {
        const SliceTti& tti = m_sliceTti[i];
        DlSliceCounters& total = m_sliceCounters[i];
        total.prbUsed += uint64_t{tti.newUnits + tti.retxUnits} * m_rbgSize_prb;
        total.prbRetx += uint64_t{tti.retxUnits} * m_rbgSize_prb;
        total.prbRetxOverCap += uint64_t{tti.retxOver} * m_rbgSize_prb;
        total.ttisRetxOverCap += tti.retxOver > 0 ? 1 : 0;
    }
    for (DlUe* ue : m_ues)
    {
        const double rate_bps = 8.0 * (ue->sent_bytes / TTI_S);
        ue->averageRate_bps =
            (1.0 - 1.0 / AVERAGING_TTIS) * ue->averageRate_bps + 1.0 / AVERAGING_TTIS * rate_bps;
    }
    if (!m_ttiTrace.IsEmpty())
    {
        TraceTti();
    }
}

void SliceFfMacScheduler::TraceTti()
{
    m_record.tti = m_tti;
    m_record.allocatable = m_grid.Units();
    m_record.signalling = m_signallingUnits;
    m_record.slices.clear();
    for (std::size_t i = 0; i < m_slices.size(); ++i)
    {
        const SliceTti& tti = m_sliceTti[i];
        m_record.slices.push_back({.wanted = m_demand[i].wanted,
                                   .cap = tti.cap,
                                   .granted = m_granted[i],
                                   .newUnits = tti.newUnits,
                                   .retxUnits = tti.retxUnits,
                                   .retxOver = tti.retxOver});
    }
    m_ttiTrace(m_record);
}

} // namespace slicebridge
