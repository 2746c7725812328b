// SPDX-License-Identifier: GPL-2.0-only
#include "lte/uplink-delegate.h"

#include "ns3/abort.h"
#include "ns3/enum.h"
#include "ns3/object-factory.h"

#include <utility>

namespace slicebridge
{

/// The cell's frequency reuse, in which no downlink RBG is free.
class UplinkDelegate::Ffr : public ns3::LteFfrSapProvider
{
  public:
    void SetProvider(ns3::LteFfrSapProvider* provider)
    {
        m_provider = provider;
    }

    std::vector<bool> GetAvailableDlRbg() override
    {
        // "true" marks an RBG that is taken.
        return std::vector<bool>(m_provider->GetAvailableDlRbg().size(), true);
    }

    bool IsDlRbgAvailableForUe(int, uint16_t) override
    {
        return false;
    }

    std::vector<bool> GetAvailableUlRbg() override
    {
        return m_provider->GetAvailableUlRbg();
    }

    bool IsUlRbgAvailableForUe(int rb, uint16_t rnti) override
    {
        return m_provider->IsUlRbgAvailableForUe(rb, rnti);
    }

    void ReportDlCqiInfo(const ns3::FfMacSchedSapProvider::SchedDlCqiInfoReqParameters&) override
    {
    }

    void ReportUlCqiInfo(
        const ns3::FfMacSchedSapProvider::SchedUlCqiInfoReqParameters& params) override
    {
        m_provider->ReportUlCqiInfo(params);
    }

    void ReportUlCqiInfo(std::map<uint16_t, std::vector<double>> ulCqi) override
    {
        m_provider->ReportUlCqiInfo(std::move(ulCqi));
    }

    uint8_t GetTpc(uint16_t rnti) override
    {
        return m_provider->GetTpc(rnti);
    }

    uint16_t GetMinContinuousUlBandwidth() override
    {
        return m_provider->GetMinContinuousUlBandwidth();
    }

  private:
    ns3::LteFfrSapProvider* m_provider{};
};

/// Passes uplink grants on and keeps random access responses.
class UplinkDelegate::SchedUser : public ns3::FfMacSchedSapUser
{
  public:
    void SetUser(ns3::FfMacSchedSapUser* user)
    {
        m_user = user;
    }

    void SchedDlConfigInd(const SchedDlConfigIndParameters& params) override
    {
        NS_ABORT_MSG_IF(!params.m_buildDataList.empty(),
                        "The uplink's scheduler made a downlink grant");
        m_responses = params.m_buildRarList;
    }

    void SchedUlConfigInd(const SchedUlConfigIndParameters& params) override
    {
        m_user->SchedUlConfigInd(params);
    }

    std::vector<ns3::BuildRarListElement_s> TakeResponses()
    {
        return std::exchange(m_responses, {});
    }

  private:
    ns3::FfMacSchedSapUser* m_user{};
    std::vector<ns3::BuildRarListElement_s> m_responses;
};

UplinkDelegate::UplinkDelegate(ns3::TypeId scheduler,
                               ns3::FfMacScheduler::UlCqiFilter_t ulCqiFilter)
    : m_ffr(std::make_unique<Ffr>()),
      m_schedUser(std::make_unique<SchedUser>())
{
    ns3::ObjectFactory factory;
    factory.SetTypeId(scheduler);
    m_scheduler = factory.Create<ns3::FfMacScheduler>();
    NS_ABORT_MSG_IF(!m_scheduler, scheduler.GetName() << " is no ns3::FfMacScheduler");
    m_scheduler->SetAttribute("UlCqiFilter", ns3::EnumValue(ulCqiFilter));
    m_scheduler->SetFfMacSchedSapUser(m_schedUser.get());
    m_scheduler->SetLteFfrSapProvider(m_ffr.get());
}

UplinkDelegate::~UplinkDelegate()
{
    m_scheduler->Dispose();
}

void UplinkDelegate::SetCschedUser(ns3::FfMacCschedSapUser* user)
{
    m_scheduler->SetFfMacCschedSapUser(user);
}

void UplinkDelegate::SetSchedUser(ns3::FfMacSchedSapUser* user)
{
    m_schedUser->SetUser(user);
}

void UplinkDelegate::SetFfr(ns3::LteFfrSapProvider* ffr)
{
    m_ffr->SetProvider(ffr);
}

ns3::FfMacCschedSapProvider& UplinkDelegate::Csched() const
{
    return *m_scheduler->GetFfMacCschedSapProvider();
}

ns3::FfMacSchedSapProvider& UplinkDelegate::Sched() const
{
    return *m_scheduler->GetFfMacSchedSapProvider();
}

std::vector<ns3::BuildRarListElement_s> UplinkDelegate::RandomAccessResponses(uint16_t sfnSf)
{
    ns3::FfMacSchedSapProvider::SchedDlTriggerReqParameters trigger;
    trigger.m_sfnSf = sfnSf;
    Sched().SchedDlTriggerReq(trigger);
    return m_schedUser->TakeResponses();
}

} // namespace slicebridge
