// SPDX-License-Identifier: GPL-2.0-only
#include "lte/lte-network.h"

#include "layout/cell-layout.h"
#include "lte/jakes-fading.h"
#include "lte/qos-class.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/cost231-propagation-loss-model.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/epc-enb-application.h"
#include "ns3/epc-ue-nas.h"
#include "ns3/epc-x2.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4-static-routing-helper.h"
#include "ns3/lte-enb-phy.h"
#include "ns3/lte-spectrum-value-helper.h"
#include "ns3/lte-ue-phy.h"
#include "ns3/lte-ue-rrc.h"
#include "ns3/mobility-helper.h"
#include "ns3/object-map.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/pointer.h"
#include "ns3/random-walk-2d-mobility-model.h"
#include "ns3/rectangle.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace slicebridge
{

namespace
{

/// Random streams, in blocks wide enough for any network that LTE can be.
constexpr int64_t PLACE_STREAM = 1'000'000;
constexpr int64_t MOBILITY_STREAM = 1'100'000;
constexpr int64_t INTERNET_STREAM = 1'200'000;
constexpr int64_t CELL_STREAM = 2'000'000;
constexpr int64_t UE_STREAM = 3'000'000;
constexpr int64_t FADING_STREAM = 4'000'000;

/// FDD pairs of the bands that ValidateLteRanConfig allows.
constexpr uint32_t UL_EARFCN_OFFSET = 18000;

/// Of a UE from its site; COST 231 Hata is not meant for shorter distances.
constexpr double LEAST_DISTANCE_M = 20.0;

/// Surroundings move even where the UE does not: 3 km/h, as in the EPA and ETU 3 km/h cases.
constexpr double LEAST_DOPPLER_SPEED_MPS = 3.0 / 3.6;

} // namespace

LteNetwork::LteNetwork(LteRanConfig config)
    : servingCell(config.ues.size(), -1),
      m_config{std::move(config)},
      m_sites{SitePositions(m_config.sites)}
{
    for (const auto& ue : m_config.ues)
    {
        ueRecords.push_back({.slice = ue.slice, .control = {}});
    }
    DrawPlaces();
    ConfigureHelper();
    ConfigurePropagation();
    InstallCells();
    InstallUes();
    InstallConstantLosses();
    InstallFading();
    InstallRemoteHost();
    InstallHandover();
    Observe();
    Attach();
    AssignStreams();
}

LteNetwork::~LteNetwork() = default;

void LteNetwork::DrawPlaces()
{
    auto places = ns3::CreateObject<ns3::UniformRandomVariable>();
    places->SetStream(PLACE_STREAM);
    auto speeds = ns3::CreateObject<ns3::UniformRandomVariable>();
    speeds->SetStream(PLACE_STREAM + 1);
    const auto& mobility = m_config.mobility;
    for (const auto& ue : m_config.ues)
    {
        // Drawn for every UE, so that giving one a position does not move the others.
        const auto drawn = DropInCell(m_sites[ue.cell],
                                      m_config.sites.interSiteDistance_m,
                                      LEAST_DISTANCE_M,
                                      mobility.height_m,
                                      *places);
        m_places.push_back(ue.position_m.value_or(drawn));
        const double speed_mps = speeds->GetValue(mobility.minSpeed_mps, mobility.maxSpeed_mps);
        m_speeds_mps.push_back(mobility.randomWalk ? speed_mps : 0.0);
    }
}

void LteNetwork::ConfigureHelper()
{
    const auto& carrier = m_config.carrier;
    m_lte = ns3::CreateObject<ns3::LteHelper>();
    m_epc = ns3::CreateObject<ns3::PointToPointEpcHelper>();
    m_lte->SetEpcHelper(m_epc);
    m_lte->SetAttribute("UseIdealRrc", ns3::BooleanValue(true));
    m_lte->SetSchedulerType("slicebridge::SliceFfMacScheduler");
    m_lte->SetEnbComponentCarrierManagerType("slicebridge::GuardedCarrierManager");
    const bool handover = m_config.sites.handover && m_config.sites.count > 1;
    m_lte->SetHandoverAlgorithmType(handover ? "ns3::A3RsrpHandoverAlgorithm"
                                             : "ns3::NoOpHandoverAlgorithm");
    m_lte->SetEnbDeviceAttribute("DlBandwidth", ns3::UintegerValue(carrier.bandwidth_prb));
    m_lte->SetEnbDeviceAttribute("UlBandwidth", ns3::UintegerValue(carrier.bandwidth_prb));
    m_lte->SetEnbDeviceAttribute("DlEarfcn", ns3::UintegerValue(carrier.dlEarfcn));
    m_lte->SetEnbDeviceAttribute("UlEarfcn",
                                 ns3::UintegerValue(carrier.dlEarfcn + UL_EARFCN_OFFSET));
    m_lte->SetUeDeviceAttribute("DlEarfcn", ns3::UintegerValue(carrier.dlEarfcn));
}

void LteNetwork::ConfigurePropagation()
{
    const auto& propagation = m_config.propagation;
    switch (propagation.model)
    {
    case LtePropagationModel::Cost231:
        m_lte->SetPathlossModelType(ns3::Cost231PropagationLossModel::GetTypeId());
        m_lte->SetPathlossModelAttribute("BSAntennaHeight",
                                         ns3::DoubleValue(m_config.sites.height_m));
        m_lte->SetPathlossModelAttribute("SSAntennaHeight",
                                         ns3::DoubleValue(m_config.mobility.height_m));
        break;
    case LtePropagationModel::LogDistance:
        m_lte->SetPathlossModelType(ns3::LogDistancePropagationLossModel::GetTypeId());
        m_lte->SetPathlossModelAttribute("Exponent", ns3::DoubleValue(propagation.exponent));
        m_lte->SetPathlossModelAttribute("ReferenceDistance", ns3::DoubleValue(1.0));
        m_lte->SetPathlossModelAttribute("ReferenceLoss",
                                         ns3::DoubleValue(propagation.referenceLoss_db));
        break;
    case LtePropagationModel::ConstantLoss:
    case LtePropagationModel::ConstantSinr:
        // Beyond what the channel passes at all, unless InstallConstantLosses says otherwise.
        constexpr double OUT_OF_REACH_DB = 1e10;
        m_lte->SetPathlossModelType(ns3::MatrixPropagationLossModel::GetTypeId());
        m_lte->SetPathlossModelAttribute("DefaultLoss", ns3::DoubleValue(OUT_OF_REACH_DB));
        break;
    }
    m_lte->Initialize();
    for (const auto& channel :
         {m_lte->GetDownlinkSpectrumChannel(), m_lte->GetUplinkSpectrumChannel()})
    {
        if (const auto cost231 = ns3::DynamicCast<ns3::Cost231PropagationLossModel>(
                channel->GetPropagationLossModel()))
        {
            // ns-3 adds a constant 10 dB of "shadowing" to the formula.
            cost231->SetShadowing(0.0);
        }
    }
}

void LteNetwork::InstallCells()
{
    ns3::NodeContainer nodes;
    nodes.Create(m_sites.size());
    for (std::size_t cell = 0; cell < m_sites.size(); ++cell)
    {
        auto mobility = ns3::CreateObject<ns3::ConstantPositionMobilityModel>();
        mobility->SetPosition(m_sites[cell]);
        nodes.Get(cell)->AggregateObject(mobility);
    }
    const auto devices = m_lte->InstallEnbDevice(nodes);
    const LteCellSurroundings around{.ues = ueRecords,
                                     .dropped = dropped,
                                     .ueOfTunnel = [this](uint32_t teid) -> std::optional<uint32_t>
                                     {
                                         const auto it = m_ueOfTunnel.find(teid);
                                         return it == m_ueOfTunnel.end()
                                                    ? std::nullopt
                                                    : std::optional{it->second};
                                     },
                                     .reroute = [this](std::size_t from, DuPacket&& packet)
                                     { Reroute(from, std::move(packet)); }};
    for (std::size_t cell = 0; cell < m_sites.size(); ++cell)
    {
        auto device = ns3::DynamicCast<ns3::LteEnbNetDevice>(devices.Get(cell));
        device->GetPhy()->SetTxPower(m_config.carrier.txPower_dbm);
        cellDevices.push_back(device);
        cells.push_back(std::make_unique<LteCell>(cell, m_config, device, around));
    }
}

void LteNetwork::InstallUes()
{
    m_ueNodes.Create(m_config.ues.size());
    InstallMobility(m_ueNodes);
    const auto devices = m_lte->InstallUeDevice(m_ueNodes);
    ns3::InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    internet.Install(m_ueNodes);
    const auto interfaces = m_epc->AssignUeIpv4Address(devices);
    ns3::Ipv4StaticRoutingHelper routing;
    for (uint32_t ue = 0; ue < devices.GetN(); ++ue)
    {
        auto device = ns3::DynamicCast<ns3::LteUeNetDevice>(devices.Get(ue));
        device->GetPhy()->SetNoiseFigure(m_config.carrier.noiseFigureUe_db);
        ueDevices.push_back(device);
        ueAddresses.push_back(interfaces.GetAddress(ue));
        auto ip = device->GetNode()->GetObject<ns3::Ipv4>();
        routing.GetStaticRouting(ip)->SetDefaultRoute(m_epc->GetUeDefaultGatewayAddress(),
                                                      ip->GetInterfaceForDevice(device));
    }
}

void LteNetwork::InstallMobility(ns3::NodeContainer ues)
{
    // Long enough to cross from cell to cell, not so long that UEs only bounce off the border.
    const ns3::Time leg = ns3::Seconds(5);
    const auto area = CoveredArea(m_sites, m_places, m_config.sites.interSiteDistance_m);
    for (uint32_t ue = 0; ue < ues.GetN(); ++ue)
    {
        ns3::Ptr<ns3::MobilityModel> mobility;
        if (m_config.mobility.randomWalk)
        {
            auto speed = ns3::CreateObjectWithAttributes<ns3::ConstantRandomVariable>(
                "Constant",
                ns3::DoubleValue(m_speeds_mps[ue]));
            mobility = ns3::CreateObjectWithAttributes<ns3::RandomWalk2dMobilityModel>(
                "Bounds",
                ns3::RectangleValue(area),
                "Mode",
                ns3::StringValue("Time"),
                "Time",
                ns3::TimeValue(leg),
                "Speed",
                ns3::PointerValue(speed));
        }
        else
        {
            mobility = ns3::CreateObject<ns3::ConstantPositionMobilityModel>();
        }
        mobility->SetPosition(m_places[ue]);
        ues.Get(ue)->AggregateObject(mobility);
    }
    ns3::MobilityHelper().AssignStreams(ues, MOBILITY_STREAM);
}

double LteNetwork::ConstantLoss_db(double txPower_dbm, double noiseFigure_db) const
{
    if (m_config.propagation.model == LtePropagationModel::ConstantLoss)
    {
        return m_config.propagation.loss_db;
    }
    // The noise density that ns-3 uses (LteSpectrumValueHelper).
    constexpr double THERMAL_DBM_HZ = -174.0;
    constexpr double RB_HZ = 180e3;
    const double density_dbm_hz =
        txPower_dbm - 10.0 * std::log10(m_config.carrier.bandwidth_prb * RB_HZ);
    return density_dbm_hz - THERMAL_DBM_HZ - noiseFigure_db - m_config.propagation.sinr_db;
}

std::size_t LteNetwork::HomeCell(std::size_t ue) const
{
    return IsConstant(m_config.propagation.model) ? m_config.ues[ue].cell
                                                  : NearestSite(m_sites, m_places[ue]);
}

void LteNetwork::InstallConstantLosses()
{
    if (!IsConstant(m_config.propagation.model))
    {
        return;
    }
    const auto matrix = [](ns3::Ptr<ns3::SpectrumChannel> channel)
    {
        return ns3::DynamicCast<ns3::MatrixPropagationLossModel>(
            channel->GetPropagationLossModel());
    };
    const auto downlink = matrix(m_lte->GetDownlinkSpectrumChannel());
    const auto uplink = matrix(m_lte->GetUplinkSpectrumChannel());
    for (std::size_t ue = 0; ue < ueDevices.size(); ++ue)
    {
        const auto cellPhy = cellDevices[HomeCell(ue)]->GetPhy();
        const auto uePhy = ueDevices[ue]->GetPhy();
        const auto here = m_ueNodes.Get(ue)->GetObject<ns3::MobilityModel>();
        const auto there = cellDevices[HomeCell(ue)]->GetNode()->GetObject<ns3::MobilityModel>();
        downlink->SetLoss(here,
                          there,
                          ConstantLoss_db(cellPhy->GetTxPower(), uePhy->GetNoiseFigure()));
        uplink->SetLoss(here,
                        there,
                        ConstantLoss_db(uePhy->GetTxPower(), cellPhy->GetNoiseFigure()));
    }
}

void LteNetwork::InstallFading()
{
    if (!m_config.propagation.jakesFading)
    {
        return;
    }
    auto fading = ns3::CreateObject<JakesFadingModel>();
    fading->Configure(m_config.carrier.bandwidth_prb,
                      ns3::LteSpectrumValueHelper::GetCarrierFrequency(m_config.carrier.dlEarfcn));
    int64_t stream = FADING_STREAM;
    for (const auto& cell : cellDevices)
    {
        for (std::size_t ue = 0; ue < ueDevices.size(); ++ue)
        {
            fading->AddLink(m_ueNodes.Get(ue)->GetObject<ns3::MobilityModel>(),
                            cell->GetNode()->GetObject<ns3::MobilityModel>(),
                            std::max(m_speeds_mps[ue], LEAST_DOPPLER_SPEED_MPS),
                            stream++);
        }
    }
    m_lte->GetDownlinkSpectrumChannel()->AddSpectrumPropagationLossModel(fading);
    m_lte->GetUplinkSpectrumChannel()->AddSpectrumPropagationLossModel(fading);
}

void LteNetwork::InstallRemoteHost()
{
    remoteHost = ns3::CreateObject<ns3::Node>();
    ns3::InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    internet.Install(remoteHost);
    ns3::PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", ns3::StringValue("100Gb/s"));
    link.SetDeviceAttribute("Mtu", ns3::UintegerValue(1500));
    link.SetChannelAttribute("Delay", ns3::TimeValue(ns3::Time(0)));
    const auto devices = link.Install(m_epc->GetPgwNode(), remoteHost);
    ns3::Ipv4AddressHelper addresses;
    addresses.SetBase("1.0.0.0", "255.0.0.0");
    addresses.Assign(devices);
    auto ip = remoteHost->GetObject<ns3::Ipv4>();
    ns3::Ipv4StaticRoutingHelper().GetStaticRouting(ip)->AddNetworkRouteTo(
        "7.0.0.0",
        "255.0.0.0",
        ip->GetInterfaceForDevice(devices.Get(1)));
}

void LteNetwork::InstallHandover()
{
    const auto mode = [this](uint64_t imsi)
    { return m_config.slices[m_config.ues[imsi - 1].slice].rlc; };
    ns3::NodeContainer nodes;
    for (const auto& device : cellDevices)
    {
        nodes.Add(device->GetNode());
    }
    m_lte->AddX2Interface(nodes);
    for (const auto& device : cellDevices)
    {
        const auto node = device->GetNode();
        const auto rrc = device->GetRrc();
        m_s1Saps.push_back(std::make_unique<S1RlcModeSap>(rrc, mode));
        m_x2Saps.push_back(std::make_unique<X2RlcModeSap>(rrc, mode));
        node->GetApplication(0)->GetObject<ns3::EpcEnbApplication>()->SetS1SapUser(
            m_s1Saps.back().get());
        node->GetObject<ns3::EpcX2>()->SetEpcX2SapUser(m_x2Saps.back().get());
    }
}

void LteNetwork::Observe()
{
    for (const auto& device : cellDevices)
    {
        const auto rrc = device->GetRrc();
        rrc->TraceConnectWithoutContext("NewUeContext",
                                        ns3::MakeCallback(&LteNetwork::OnNewUeContext, this));
        rrc->TraceConnectWithoutContext("HandoverEndOk",
                                        ns3::MakeCallback(&LteNetwork::OnHandoverEnd, this));
    }
    for (const auto& device : ueDevices)
    {
        device->GetRrc()->TraceConnectWithoutContext(
            "DrbCreated",
            ns3::MakeCallback(&LteNetwork::OnUeBearer, this));
    }
}

void LteNetwork::Attach()
{
    for (std::size_t ue = 0; ue < ueDevices.size(); ++ue)
    {
        const auto& device = ueDevices[ue];
        const auto& cell = cellDevices[HomeCell(ue)];
        NS_ABORT_MSG_UNLESS(device->GetImsi() == ue + 1, "IMSIs do not count UEs from 1");
        device->GetNas()->Connect(cell->GetCellId(), cell->GetDlEarfcn());
        m_epc->ActivateEpsBearer(device,
                                 device->GetImsi(),
                                 ns3::EpcTft::Default(),
                                 BearerOf(m_config.slices[m_config.ues[ue].slice].slice.fiveQi));
    }
}

void LteNetwork::AssignStreams()
{
    ns3::NetDeviceContainer cellContainer;
    for (const auto& device : cellDevices)
    {
        cellContainer.Add(device);
    }
    ns3::NetDeviceContainer ueContainer;
    for (const auto& device : ueDevices)
    {
        ueContainer.Add(device);
    }
    m_lte->AssignStreams(cellContainer, CELL_STREAM);
    m_lte->AssignStreams(ueContainer, UE_STREAM);
    ns3::NodeContainer hosts(m_ueNodes, ns3::NodeContainer(remoteHost));
    for (const auto& device : cellDevices)
    {
        hosts.Add(device->GetNode());
    }
    ns3::InternetStackHelper().AssignStreams(hosts, INTERNET_STREAM);
}

std::optional<std::size_t> LteNetwork::CellOfId(uint16_t cellId) const
{
    const auto it = std::ranges::find(cellDevices,
                                      cellId,
                                      [](const auto& device) { return device->GetCellId(); });
    return it == cellDevices.end() ? std::nullopt
                                   : std::optional<std::size_t>(it - cellDevices.begin());
}

void LteNetwork::OnNewUeContext(uint16_t cellId, uint16_t rnti)
{
    const auto cell = CellOfId(cellId);
    NS_ABORT_MSG_UNLESS(cell, "a UE came to an unknown cell");
    cellDevices[*cell]->GetRrc()->GetUeManager(rnti)->TraceConnectWithoutContext(
        "DrbCreated",
        ns3::MakeCallback(&LteNetwork::OnEnbBearer, this));
}

void LteNetwork::OnEnbBearer(uint64_t imsi, uint16_t cellId, uint16_t rnti, uint8_t lcid)
{
    const auto cell = CellOfId(cellId);
    NS_ABORT_MSG_UNLESS(cell, "a bearer came to an unknown cell");
    const auto ue = static_cast<uint32_t>(imsi - 1);
    m_ueOfTunnel[cells[*cell]->AddUe(ue, rnti)] = ue;
}

void LteNetwork::OnUeBearer(uint64_t imsi, uint16_t cellId, uint16_t rnti, uint8_t drbid)
{
    const auto serving = CellOfId(cellId);
    NS_ABORT_MSG_UNLESS(serving, "a UE set up a bearer with an unknown cell");
    const auto ue = static_cast<uint32_t>(imsi - 1);
    for (std::size_t cell = 0; cell < cells.size(); ++cell)
    {
        if (cell != *serving)
        {
            cells[cell]->LeaveUe(ue);
        }
    }
    ns3::ObjectMapValue bearers;
    ueDevices[ue]->GetRrc()->GetAttribute("DataRadioBearerMap", bearers);
    cells[*serving]->ConnectUe(
        ue,
        ns3::DynamicCast<ns3::LteDataRadioBearerInfo>(bearers.Begin()->second));
    servingCell[ue] = static_cast<int32_t>(*serving);
}

void LteNetwork::OnHandoverEnd(uint64_t imsi, uint16_t cellId, uint16_t rnti)
{
    ++handovers;
    const auto cell = CellOfId(cellId);
    NS_ABORT_MSG_UNLESS(cell, "a UE was handed over to an unknown cell");
    cells[*cell]->OnHandoverEnd();
}

void LteNetwork::Reroute(std::size_t from, DuPacket&& packet)
{
    for (std::size_t cell = 0; cell < cells.size(); ++cell)
    {
        if (cell != from && cells[cell]->Serves(packet.ue))
        {
            cells[cell]->TakeOver(std::move(packet));
            return;
        }
    }
    dropped(*packet.packet, LteDropCause::NoContext);
}

} // namespace slicebridge
