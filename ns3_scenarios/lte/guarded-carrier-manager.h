// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_GUARDED_CARRIER_MANAGER_H
#define SLICEBRIDGE_LTE_GUARDED_CARRIER_MANAGER_H

#include "ns3/no-op-component-carrier-manager.h"

#include <cstdint>
#include <functional>

namespace slicebridge
{

/**
 * Carrier manager of an eNB with one carrier that withholds transmission opportunities too small
 * for anything: a UE of the lowest CQI can get a transport block of 4 bytes, at which ns-3's RLC AM
 * stops the program. Such a block goes out empty.
 */
class GuardedCarrierManager : public ns3::NoOpComponentCarrierManager
{
  public:
    /// Least bytes that the RLC of a bearer can use.
    using LeastOpportunity = std::function<uint32_t(uint16_t rnti, uint8_t lcid)>;

    static ns3::TypeId GetTypeId();

    void SetLeastOpportunity(LeastOpportunity leastOpportunity);

  protected:
    void DoNotifyTxOpportunity(ns3::LteMacSapUser::TxOpportunityParameters params) override;

  private:
    LeastOpportunity m_leastOpportunity{[](uint16_t, uint8_t) { return 0; }};
};

} // namespace slicebridge

#endif
