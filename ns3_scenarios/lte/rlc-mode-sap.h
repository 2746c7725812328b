// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_RLC_MODE_SAP_H
#define SLICEBRIDGE_LTE_RLC_MODE_SAP_H

#include "lte/lte-ran-config.h"

#include "ns3/epc-enb-s1-sap.h"
#include "ns3/epc-x2-sap.h"
#include "ns3/lte-enb-rrc.h"

#include <functional>

namespace slicebridge
{

/// RLC mode of the bearer of the UE with this IMSI.
using RlcModeOfUe = std::function<LteRlcMode(uint64_t imsi)>;

/**
 * ns-3's eNB has one RLC mode for all bearers (LteEnbRrc::EpsBearerToRlcMapping, read at the moment
 * a bearer is set up). This stands between the S1 application and the RRC, and sets the mode of the
 * UE's slice just before each bearer is set up; all else goes on unchanged.
 */
class S1RlcModeSap : public ns3::EpcEnbS1SapUser
{
  public:
    S1RlcModeSap(ns3::Ptr<ns3::LteEnbRrc> rrc, RlcModeOfUe mode);

    void InitialContextSetupRequest(InitialContextSetupRequestParameters params) override;
    void DataRadioBearerSetupRequest(DataRadioBearerSetupRequestParameters params) override;
    void PathSwitchRequestAcknowledge(PathSwitchRequestAcknowledgeParameters params) override;

  private:
    ns3::Ptr<ns3::LteEnbRrc> m_rrc;
    RlcModeOfUe m_mode;
};

/// The same between X2 and the RRC, for bearers that a handover sets up.
class X2RlcModeSap : public ns3::EpcX2SapUser
{
  public:
    X2RlcModeSap(ns3::Ptr<ns3::LteEnbRrc> rrc, RlcModeOfUe mode);

    void RecvHandoverRequest(HandoverRequestParams params) override;
    void RecvHandoverRequestAck(HandoverRequestAckParams params) override;
    void RecvHandoverPreparationFailure(HandoverPreparationFailureParams params) override;
    void RecvSnStatusTransfer(SnStatusTransferParams params) override;
    void RecvUeContextRelease(UeContextReleaseParams params) override;
    void RecvLoadInformation(LoadInformationParams params) override;
    void RecvResourceStatusUpdate(ResourceStatusUpdateParams params) override;
    void RecvUeData(UeDataParams params) override;
    void RecvHandoverCancel(HandoverCancelParams params) override;

  private:
    ns3::Ptr<ns3::LteEnbRrc> m_rrc;
    RlcModeOfUe m_mode;
};

} // namespace slicebridge

#endif
