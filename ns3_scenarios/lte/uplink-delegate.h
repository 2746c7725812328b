// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_UPLINK_DELEGATE_H
#define SLICEBRIDGE_LTE_UPLINK_DELEGATE_H

#include "ns3/ff-mac-csched-sap.h"
#include "ns3/ff-mac-sched-sap.h"
#include "ns3/ff-mac-scheduler.h"
#include "ns3/lte-ffr-sap.h"
#include "ns3/type-id.h"

#include <memory>
#include <vector>

namespace slicebridge
{

/**
 * A stock ns-3 scheduler that does uplink and random access for another one. It is told all that
 * concerns cells, UEs, bearers, RACH and uplink, but no downlink buffer, CQI or HARQ feedback, and
 * that no downlink RBG is free; so its downlink decision is the random access responses alone,
 * which are kept. Its uplink grants go to the MAC as they are.
 */
class UplinkDelegate
{
  public:
    /**
     * @param scheduler a class derived from ns3::FfMacScheduler
     * @param ulCqiFilter which uplink CQI it takes into account
     */
    UplinkDelegate(ns3::TypeId scheduler, ns3::FfMacScheduler::UlCqiFilter_t ulCqiFilter);
    ~UplinkDelegate();
    UplinkDelegate(const UplinkDelegate&) = delete;
    UplinkDelegate& operator=(const UplinkDelegate&) = delete;

    void SetCschedUser(ns3::FfMacCschedSapUser* user);
    void SetSchedUser(ns3::FfMacSchedSapUser* user);
    void SetFfr(ns3::LteFfrSapProvider* ffr);

    ns3::FfMacCschedSapProvider& Csched() const;
    ns3::FfMacSchedSapProvider& Sched() const;

    /// Advance the scheduler by one TTI. @return its random access responses, to be taken
    std::vector<ns3::BuildRarListElement_s> RandomAccessResponses(uint16_t sfnSf);

  private:
    class Ffr;
    class SchedUser;

    ns3::Ptr<ns3::FfMacScheduler> m_scheduler;
    std::unique_ptr<Ffr> m_ffr;
    std::unique_ptr<SchedUser> m_schedUser;
};

} // namespace slicebridge

#endif
