// SPDX-License-Identifier: GPL-2.0-only
#include "lte/guarded-carrier-manager.h"

#include <utility>

namespace slicebridge
{

NS_OBJECT_ENSURE_REGISTERED(GuardedCarrierManager);

ns3::TypeId GuardedCarrierManager::GetTypeId()
{
    static ns3::TypeId tid = ns3::TypeId("slicebridge::GuardedCarrierManager")
                                 .SetParent<ns3::NoOpComponentCarrierManager>()
                                 .AddConstructor<GuardedCarrierManager>();
    return tid;
}

void GuardedCarrierManager::SetLeastOpportunity(LeastOpportunity leastOpportunity)
{
    m_leastOpportunity = std::move(leastOpportunity);
}

void GuardedCarrierManager::DoNotifyTxOpportunity(
    ns3::LteMacSapUser::TxOpportunityParameters params)
{
    if (params.bytes >= m_leastOpportunity(params.rnti, params.lcid))
    {
        NoOpComponentCarrierManager::DoNotifyTxOpportunity(params);
    }
}

} // namespace slicebridge
