// SPDX-License-Identifier: GPL-2.0-only
#include "lte/rlc-mode-sap.h"

#include "ns3/enum.h"

#include <utility>

namespace slicebridge
{

namespace
{

void SetMode(ns3::LteEnbRrc& rrc, LteRlcMode mode)
{
    const auto mapping = mode == LteRlcMode::Acknowledged ? ns3::LteEnbRrc::RLC_AM_ALWAYS
                                                          : ns3::LteEnbRrc::RLC_UM_ALWAYS;
    rrc.SetAttribute("EpsBearerToRlcMapping",
                     ns3::EnumValue<ns3::LteEnbRrc::LteEpsBearerToRlcMapping_t>(mapping));
}

} // namespace

S1RlcModeSap::S1RlcModeSap(ns3::Ptr<ns3::LteEnbRrc> rrc, RlcModeOfUe mode)
    : m_rrc{rrc},
      m_mode{std::move(mode)}
{
}

void S1RlcModeSap::InitialContextSetupRequest(InitialContextSetupRequestParameters params)
{
    m_rrc->GetS1SapUser()->InitialContextSetupRequest(params);
}

void S1RlcModeSap::DataRadioBearerSetupRequest(DataRadioBearerSetupRequestParameters params)
{
    SetMode(*m_rrc, m_mode(m_rrc->GetUeManager(params.rnti)->GetImsi()));
    m_rrc->GetS1SapUser()->DataRadioBearerSetupRequest(params);
}

void S1RlcModeSap::PathSwitchRequestAcknowledge(PathSwitchRequestAcknowledgeParameters params)
{
    m_rrc->GetS1SapUser()->PathSwitchRequestAcknowledge(params);
}

X2RlcModeSap::X2RlcModeSap(ns3::Ptr<ns3::LteEnbRrc> rrc, RlcModeOfUe mode)
    : m_rrc{rrc},
      m_mode{std::move(mode)}
{
}

void X2RlcModeSap::RecvHandoverRequest(HandoverRequestParams params)
{
    SetMode(*m_rrc, m_mode(params.mmeUeS1apId));
    m_rrc->GetEpcX2SapUser()->RecvHandoverRequest(params);
}

void X2RlcModeSap::RecvHandoverRequestAck(HandoverRequestAckParams params)
{
    m_rrc->GetEpcX2SapUser()->RecvHandoverRequestAck(params);
}

void X2RlcModeSap::RecvHandoverPreparationFailure(HandoverPreparationFailureParams params)
{
    m_rrc->GetEpcX2SapUser()->RecvHandoverPreparationFailure(params);
}

void X2RlcModeSap::RecvSnStatusTransfer(SnStatusTransferParams params)
{
    m_rrc->GetEpcX2SapUser()->RecvSnStatusTransfer(params);
}

void X2RlcModeSap::RecvUeContextRelease(UeContextReleaseParams params)
{
    m_rrc->GetEpcX2SapUser()->RecvUeContextRelease(params);
}

void X2RlcModeSap::RecvLoadInformation(LoadInformationParams params)
{
    m_rrc->GetEpcX2SapUser()->RecvLoadInformation(params);
}

void X2RlcModeSap::RecvResourceStatusUpdate(ResourceStatusUpdateParams params)
{
    m_rrc->GetEpcX2SapUser()->RecvResourceStatusUpdate(params);
}

void X2RlcModeSap::RecvUeData(UeDataParams params)
{
    m_rrc->GetEpcX2SapUser()->RecvUeData(params);
}

void X2RlcModeSap::RecvHandoverCancel(HandoverCancelParams params)
{
    m_rrc->GetEpcX2SapUser()->RecvHandoverCancel(params);
}

} // namespace slicebridge
