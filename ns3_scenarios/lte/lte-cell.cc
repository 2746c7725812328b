// SPDX-License-Identifier: GPL-2.0-only
#include "lte/lte-cell.h"

#include "lte/power-levels.h"
#include "lte/qos-class.h"
#include "slicing/five-qi.h"

#include "ns3/abort.h"
#include "ns3/component-carrier-enb.h"
#include "ns3/object-map.h"
#include "ns3/pointer.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace slicebridge
{

namespace
{

constexpr double TTI_S = 1e-3;

ns3::Ptr<SliceFfMacScheduler> SchedulerOf(ns3::LteEnbNetDevice& device)
{
    const auto carrier =
        ns3::DynamicCast<ns3::ComponentCarrierEnb>(device.GetCcMap().begin()->second);
    return ns3::DynamicCast<SliceFfMacScheduler>(carrier->GetFfMacScheduler());
}

ns3::Ptr<GuardedCarrierManager> CarrierManagerOf(ns3::LteEnbNetDevice& device)
{
    ns3::PointerValue manager;
    device.GetAttribute("LteEnbComponentCarrierManager", manager);
    return manager.Get<GuardedCarrierManager>();
}

/// The one data bearer of a UE, as the eNB holds it.
ns3::Ptr<ns3::LteDataRadioBearerInfo> DataBearer(ns3::UeManager& ue)
{
    ns3::ObjectMapValue bearers;
    ue.GetAttribute("DataRadioBearerMap", bearers);
    return ns3::DynamicCast<ns3::LteDataRadioBearerInfo>(bearers.Begin()->second);
}

double Age_ms(ns3::Time since)
{
    return since == ns3::Time::Max() ? 0.0
                                     : (ns3::Simulator::Now() - since).ToDouble(ns3::Time::MS);
}

/// The eight values of P_A in the order of PA_LEVELS_DB.
ns3::LteRrcSap::PdschConfigDedicated PdschConfig(uint8_t level)
{
    using Config = ns3::LteRrcSap::PdschConfigDedicated;
    constexpr std::array VALUES{Config::dB_6,
                                Config::dB_4dot77,
                                Config::dB_3,
                                Config::dB_1dot77,
                                Config::dB0,
                                Config::dB1,
                                Config::dB2,
                                Config::dB3};
    Config config{};
    config.pa = VALUES[level];
    return config;
}

} // namespace

LteCell::LteCell(std::size_t index,
                 const LteRanConfig& config,
                 ns3::Ptr<ns3::LteEnbNetDevice> device,
                 LteCellSurroundings surroundings)
    : m_index{index},
      m_around{std::move(surroundings)},
      m_device{device},
      m_rrc{device->GetRrc()},
      m_scheduler{SchedulerOf(*device)},
      m_carrierManager{CarrierManagerOf(*device)},
      m_budget_w{std::pow(10.0, (config.carrier.txPower_dbm - 30.0) / 10.0)},
      m_energyPerPrb_j{m_budget_w / config.carrier.bandwidth_prb * TTI_S},
      m_compute_bps{config.du.compute_bps},
      m_energy_j(config.slices.size()),
      m_bearerTotals(config.slices.size()),
      m_du{config.du,
           config.slices.size(),
           [this](DuPacket&& packet) { m_gate.Admit(packet.packet); },
           [this](DuPacket&& packet) { m_around.dropped(*packet.packet, LteDropCause::DuQueue); }},
      m_gate{device->GetNode(),
             [this](auto packet, uint32_t teid, uint32_t bytes) { OnArrival(packet, teid, bytes); }}
{
    for (const auto& slice : config.slices)
    {
        m_rlcModes.push_back(slice.rlc);
        m_policies.push_back(slice.slice.policy);
    }
    ConfigureScheduler(config);
    m_carrierManager->SetLeastOpportunity([this](uint16_t rnti, uint8_t lcid)
                                          { return LeastOpportunity_bytes(rnti, lcid); });
}

LteCell::~LteCell()
{
    m_scheduler->SetSliceResolver({});
    m_scheduler->SetReleaseHook({});
    m_scheduler->SetObserver(nullptr);
    m_carrierManager->SetLeastOpportunity([](uint16_t, uint8_t) { return 0; });
}

void LteCell::ConfigureScheduler(const LteRanConfig& config)
{
    std::vector<SliceSchedulerConfig> slices;
    for (const auto& [slice, rlc] : config.slices)
    {
        slices.push_back({slice.rule, DelayBudget_ms(slice), LossTarget(slice), slice.policy});
    }
    m_scheduler->SetSlices(slices);
    m_scheduler->SetSliceResolver(
        [this](uint16_t rnti, uint8_t) -> std::optional<uint32_t>
        {
            const auto ue = UeOfRnti(rnti);
            return ue ? std::optional{m_around.ues[*ue].slice} : std::nullopt;
        });
    m_scheduler->SetReleaseHook([this](uint16_t rnti, const DlUeCounters& counters)
                                { OnRelease(rnti, counters); });
}

void LteCell::SetSlotObserver(SlotObserver* observer)
{
    m_slotObserver = observer;
    m_scheduler->SetObserver(observer == nullptr ? nullptr : this);
}

void LteCell::OnSent(const DlSentBlock& block)
{
    const auto ue = UeOfRnti(block.rnti);
    const auto prbs = static_cast<uint32_t>(std::popcount(block.rbgs)) * m_scheduler->RbgSize();
    m_slotObserver->OnGrant({.cell = static_cast<uint32_t>(m_index),
                             .ue = ue ? static_cast<int32_t>(*ue) : -1,
                             .slice = block.slice ? static_cast<int32_t>(*block.slice) : -1,
                             .process = block.process,
                             .layer = block.layer,
                             .mcs = block.mcs,
                             .tbs_bits = 8 * block.tbs_bytes,
                             .prbs = block.sharesRbgs ? 0 : prbs,
                             .transmission = block.transmission,
                             .rbgs = {&block.rbgs, 1}});
}

void LteCell::OnAnswered(const DlAnsweredBlock& block)
{
    if (const auto ue = UeOfRnti(block.rnti))
    {
        m_slotObserver->OnFeedback({.cell = static_cast<uint32_t>(m_index),
                                    .ue = *ue,
                                    .process = block.process,
                                    .layer = block.layer,
                                    .age_slots = block.age_ttis,
                                    .ack = block.ack});
    }
}

std::optional<uint32_t> LteCell::UeOfRnti(uint16_t rnti) const
{
    const auto it =
        std::ranges::find_if(m_contexts,
                             [rnti](const auto& entry) { return entry.second.rnti == rnti; });
    return it == m_contexts.end() ? std::nullopt : std::optional{it->first};
}

uint32_t LteCell::LeastOpportunity_bytes(uint16_t rnti, uint8_t lcid) const
{
    // Signalling bearers are the RRC's, whose messages do not go over the air (ideal RRC).
    constexpr uint8_t FIRST_DATA_LCID = 3;
    const auto ue = UeOfRnti(rnti);
    return ue && lcid >= FIRST_DATA_LCID ? m_contexts.at(*ue).tap->LeastOpportunity_bytes() : 0;
}

const LteCell::Context* LteCell::Find(uint32_t ue) const
{
    const auto it = m_contexts.find(ue);
    return it == m_contexts.end() ? nullptr : &it->second;
}

LteCell::Context* LteCell::Find(uint32_t ue)
{
    const auto it = m_contexts.find(ue);
    return it == m_contexts.end() ? nullptr : &it->second;
}

bool LteCell::HasContext(uint32_t ue) const
{
    return Find(ue) != nullptr;
}

bool LteCell::Serves(uint32_t ue) const
{
    const auto* context = Find(ue);
    return context && context->tap->UeConnected();
}

uint32_t LteCell::AddUe(uint32_t ue, uint16_t rnti)
{
    NS_ABORT_MSG_IF(HasContext(ue), "a cell has two bearers of one UE");
    const uint32_t slice = m_around.ues[ue].slice;
    const auto bearer = DataBearer(*m_rrc->GetUeManager(rnti));
    Context context;
    context.rnti = rnti;
    context.paLevel = PA_LEVEL_0_DB;
    context.powerOffset_db = m_around.ues[ue].control.powerOffset_db;
    context.tap = std::make_unique<BearerTap>(
        bearer,
        m_rlcModes[slice],
        m_carrierManager->GetLteMacSapProvider(),
        m_bearerTotals[slice],
        [this](const ns3::Packet& packet, bool handover)
        { m_around.dropped(packet, handover ? LteDropCause::Handover : LteDropCause::RlcQueue); });
    m_contexts[ue] = std::move(context);
    ns3::Simulator::ScheduleNow([this] { RefreshPower(); });
    return bearer->m_gtpTeid;
}

void LteCell::ConnectUe(uint32_t ue, ns3::Ptr<ns3::LteDataRadioBearerInfo> bearer)
{
    if (auto* context = Find(ue))
    {
        context->tap->ConnectUe(bearer);
        m_scheduler->SetUeWeight(context->rnti, m_around.ues[ue].control.weight);
    }
}

void LteCell::LeaveUe(uint32_t ue)
{
    if (auto* context = Find(ue))
    {
        context->tap->Retire();
    }
}

void LteCell::OnHandoverEnd()
{
    RefreshPower();
}

void LteCell::OnRelease(uint16_t rnti, const DlUeCounters& counters)
{
    const auto known = UeOfRnti(rnti);
    if (!known)
    {
        return;
    }
    const uint32_t ue = *known;
    const auto it = m_contexts.find(ue);
    auto& record = m_around.ues[ue];
    record.prbUsed += counters.prbUsed;
    record.tb += counters.tb;
    record.tbError += counters.tbError;
    m_energy_j[record.slice] += static_cast<double>(counters.prbUsed - it->second.prbSettled) *
                                m_energyPerPrb_j * PaGain(it->second.paLevel);
    it->second.tap->Release();
    m_pastTaps.push_back(std::move(it->second.tap));
    m_contexts.erase(it);
    for (auto& packet : m_du.Remove(record.slice, ue))
    {
        m_around.reroute(m_index, std::move(packet));
    }
}

void LteCell::OnArrival(ns3::Ptr<ns3::Packet> packet, uint32_t teid, uint32_t bytes)
{
    const auto ue = m_around.ueOfTunnel(teid);
    if (!ue)
    {
        m_gate.Admit(packet);
        return;
    }
    DuPacket arrived{packet, *ue, bytes, ns3::Simulator::Now()};
    if (HasContext(*ue))
    {
        m_du.Enqueue(m_around.ues[*ue].slice, std::move(arrived));
    }
    else
    {
        m_around.reroute(m_index, std::move(arrived));
    }
}

void LteCell::TakeOver(DuPacket&& packet)
{
    m_du.Insert(m_around.ues[packet.ue].slice, std::move(packet));
}

void LteCell::ApplySliceControls(std::span<const SliceControl> slices)
{
    std::vector<float> computeShares;
    m_policies.clear();
    m_powerShares.clear();
    for (const auto& slice : slices)
    {
        m_policies.push_back(slice.prb);
        m_powerShares.push_back(slice.powerShare);
        computeShares.push_back(slice.computeShare);
    }
    m_scheduler->SetPolicies(m_policies);
    m_du.SetShares(computeShares);
    // Power offsets of UEs that are decided in the same epoch shall count already.
    ns3::Simulator::ScheduleNow(
        [this]
        {
            for (auto& [ue, context] : m_contexts)
            {
                context.powerOffset_db = m_around.ues[ue].control.powerOffset_db;
            }
            RefreshPower();
        });
}

void LteCell::RefreshPower()
{
    if (m_powerShares.empty())
    {
        return;
    }
    std::vector<UePowerRequest> requests;
    for (const auto& [ue, context] : m_contexts)
    {
        requests.push_back({m_around.ues[ue].slice, context.powerOffset_db});
    }
    const auto levels = ChoosePaLevels(m_policies, m_powerShares, requests);
    std::size_t i = 0;
    for (auto& [ue, context] : m_contexts)
    {
        SetPaLevel(context, requests[i].slice, levels[i]);
        ++i;
    }
}

void LteCell::SetPaLevel(Context& context, uint32_t slice, uint8_t level)
{
    if (level == context.paLevel || !m_rrc->HasUeManager(context.rnti))
    {
        return;
    }
    const auto rrcUe = m_rrc->GetUeManager(context.rnti);
    if (rrcUe->GetState() == ns3::UeManager::HANDOVER_PATH_SWITCH)
    {
        return; // ns-3 can reconfigure the UE only after it: OnHandoverEnd
    }
    const double energy_j = UnsettledEnergy_j(context);
    if (const auto counters = m_scheduler->Ue(context.rnti))
    {
        context.prbSettled = counters->prbUsed;
    }
    m_energy_j[slice] += energy_j;
    context.paLevel = level;
    rrcUe->SetPdschConfigDedicated(PdschConfig(level));
}

double LteCell::UnsettledEnergy_j(const Context& context) const
{
    const auto counters = m_scheduler->Ue(context.rnti);
    return counters ? static_cast<double>(counters->prbUsed - context.prbSettled) *
                          m_energyPerPrb_j * PaGain(context.paLevel)
                    : 0.0;
}

void LteCell::ApplyUeWeight(uint32_t ue)
{
    if (const auto* context = Find(ue))
    {
        m_scheduler->SetUeWeight(context->rnti, m_around.ues[ue].control.weight);
    }
}

void LteCell::ReadSlices(std::span<SliceCounters> counters) const
{
    for (std::size_t slice = 0; slice < counters.size(); ++slice)
    {
        ReadRadio(slice, counters[slice]);
        ReadBearers(slice, counters[slice]);
        ReadPresent(slice, counters[slice]);
    }
}

void LteCell::ReadRadio(std::size_t slice, SliceCounters& counters) const
{
    const double now_s = ns3::Simulator::Now().GetSeconds();
    const auto& mac = m_scheduler->Slice(slice);
    counters.prbUsed = mac.prbUsed;
    counters.prbRetx = mac.prbRetx;
    counters.prbRetxOverCap = mac.prbRetxOverCap;
    counters.prbAvailable = m_scheduler->Cell().prbAvailable;
    counters.tb = mac.tb;
    counters.tbError = mac.tbError;
    counters.cqi = mac.cqi;
    counters.mcs = mac.mcs;
    counters.energy_j = m_energy_j[slice];
    counters.powerBudget_j = m_budget_w * now_s;
    counters.duBits = m_du.Queue().ProcessedBits(slice);
    counters.duBudget_bits = m_compute_bps * now_s;
}

void LteCell::ReadBearers(std::size_t slice, SliceCounters& counters) const
{
    constexpr double MS_PER_NS = 1e-6;
    const auto& totals = m_bearerTotals[slice];
    counters.pdcpSduBits = totals.pdcpSdu_bits;
    counters.rlcSdu = totals.rlcSdu;
    counters.rlcSduDelay_ms = static_cast<double>(totals.rlcSduDelay_ns) * MS_PER_NS;
    counters.rlcSduDropped = totals.rlcSduDropped;
    counters.airSdu = totals.airSdu;
    counters.airDelay_ms = static_cast<double>(totals.airDelay_ns) * MS_PER_NS;
    counters.burstBits = totals.burst_bits;
    counters.burstTime_ms = static_cast<double>(totals.burstTime_ns) * MS_PER_NS;
    counters.activeUeTime_ms = static_cast<double>(totals.activeTime_ns) * MS_PER_NS;
}

void LteCell::ReadPresent(std::size_t slice, SliceCounters& counters) const
{
    counters.bufferBytes = m_du.Queue().QueuedBytes(slice);
    counters.ues = 0;
    auto oldest = m_du.Queue().OldestArrival(slice);
    for (const auto& [ue, context] : m_contexts)
    {
        if (m_around.ues[ue].slice != slice)
        {
            continue;
        }
        counters.energy_j += UnsettledEnergy_j(context);
        counters.activeUeTime_ms += Age_ms(context.tap->BusySince());
        counters.bufferBytes += context.tap->BufferedBytes();
        counters.ues += context.tap->UeConnected() ? 1 : 0;
        oldest = std::min(oldest, context.tap->OldestArrival());
    }
    counters.holDelay_ms = Age_ms(oldest);
}

void LteCell::ReadUe(uint32_t ue, UeCounters& counters) const
{
    const auto* context = Find(ue);
    const auto mac = context ? m_scheduler->Ue(context->rnti) : std::nullopt;
    if (!mac)
    {
        return;
    }
    counters.prbUsed += mac->prbUsed;
    counters.tb += mac->tb;
    counters.tbError += mac->tbError;
    const uint32_t slice = m_around.ues[ue].slice;
    counters.bufferBytes += context->tap->BufferedBytes() + m_du.Queue().QueuedBytes(slice, ue);
    const auto oldest =
        std::min(context->tap->OldestArrival(), m_du.Queue().OldestArrival(slice, ue));
    counters.holDelay_ms = std::max(counters.holDelay_ms, Age_ms(oldest));
    if (counters.cell != static_cast<int32_t>(m_index))
    {
        return;
    }
    counters.ewmaThroughput_bps = mac->averageRate_bps;
    counters.timeSinceServed_ms = static_cast<double>(mac->ttisSinceServed);
    counters.cqi = mac->cqi;
    counters.spectralEfficiency = SpectralEfficiency(mac->cqi);
    counters.weight = mac->weight;
    counters.powerOffset_db = context->powerOffset_db;
}

} // namespace slicebridge
