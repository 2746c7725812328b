// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TESTS_LTE_SCHEDULER_TESTBED_H
#define SLICEBRIDGE_TESTS_LTE_SCHEDULER_TESTBED_H

#include "lte/jakes-fading.h"
#include "lte/slice-ff-mac-scheduler.h"

#include "ns3/boolean.h"
#include "ns3/component-carrier-enb.h"
#include "ns3/config.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/data-rate.h"
#include "ns3/eps-bearer.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4-static-routing-helper.h"
#include "ns3/lte-enb-mac.h"
#include "ns3/lte-enb-net-device.h"
#include "ns3/lte-enb-rrc.h"
#include "ns3/lte-helper.h"
#include "ns3/lte-ue-net-device.h"
#include "ns3/lte-ue-rrc.h"
#include "ns3/mobility-helper.h"
#include "ns3/node-container.h"
#include "ns3/point-to-point-epc-helper.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/udp-client-server-helper.h"
#include "ns3/udp-server.h"
#include "ns3/uinteger.h"

#include <bit>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace slicebridge::testing
{

inline const std::string SLICED = "slicebridge::SliceFfMacScheduler";
inline const std::string STOCK_PF = "ns3::PfFfMacScheduler";

/// What a test's UE is and wants.
struct TestUe
{
    uint32_t slice{};
    double distance_m{100.0};
    double attach_s{0.0};
    bool bearer{true}; ///< without EPC: a saturated bearer in both directions
    double downlink_bps{};
    double uplink_bps{};
};

struct TestbedConfig
{
    std::string scheduler{SLICED};
    uint32_t bandwidth_prb{25};
    uint32_t cells{1};
    bool epc{false};
    bool idealRrc{true};
    double traffic_s{0.5}; ///< start of UDP traffic, with EPC
    double speed_mps{0.0}; ///< of the fading, 0 for none
    uint32_t srsPeriodicity{40};
    bool spy{true}; ///< write grants down
    std::vector<SliceSchedulerConfig> slices{{}};
    std::vector<TestUe> ues;
    std::map<std::string, std::string> schedulerAttributes;
};

/// One downlink block as handed to the MAC.
struct DlGrant
{
    int64_t time_ms;
    uint16_t rnti;
    uint32_t rbgs;
    uint8_t process;
    bool repeated;
    std::vector<uint8_t> mcs;
    std::vector<uint16_t> tb_bytes;

    bool operator==(const DlGrant&) const = default;
};

/// All fields of an uplink grant that ns-3 uses: time, RNTI, start, length, MCS, size, NDI.
using UlGrant = std::tuple<int64_t, uint16_t, int, int, int, int, int>;

/// Stands between a scheduler and its MAC and writes down all that passes.
class GrantSpy : public ns3::FfMacSchedSapUser
{
  public:
    explicit GrantSpy(ns3::FfMacSchedSapUser* mac)
        : m_mac(mac)
    {
    }

    void SchedDlConfigInd(const SchedDlConfigIndParameters& params) override
    {
        const int64_t now_ms = ns3::Simulator::Now().GetMilliSeconds();
        for (const auto& entry : params.m_buildDataList)
        {
            const auto& dci = entry.m_dci;
            bool anew = false;
            for (const uint8_t ndi : dci.m_ndi)
            {
                anew = anew || ndi == 1;
            }
            downlink.push_back({now_ms,
                                dci.m_rnti,
                                dci.m_rbBitmap,
                                dci.m_harqProcess,
                                !anew,
                                dci.m_mcs,
                                dci.m_tbsSize});
        }
        for (const auto& rar : params.m_buildRarList)
        {
            const auto& grant = rar.m_grant;
            responses.emplace_back(now_ms,
                                   rar.m_rnti,
                                   grant.m_rbStart,
                                   grant.m_rbLen,
                                   grant.m_mcs,
                                   grant.m_tbSize,
                                   grant.m_tpc);
        }
        m_mac->SchedDlConfigInd(params);
    }

    void SchedUlConfigInd(const SchedUlConfigIndParameters& params) override
    {
        const int64_t now_ms = ns3::Simulator::Now().GetMilliSeconds();
        for (const auto& dci : params.m_dciList)
        {
            uplink.emplace_back(now_ms,
                                dci.m_rnti,
                                dci.m_rbStart,
                                dci.m_rbLen,
                                dci.m_mcs,
                                dci.m_tbSize,
                                dci.m_ndi);
        }
        m_mac->SchedUlConfigInd(params);
    }

    std::vector<DlGrant> downlink;
    std::vector<UlGrant> uplink;
    std::vector<UlGrant> responses;

  private:
    ns3::FfMacSchedSapUser* m_mac;
};

/// A small LTE network on ns-3's stack, with or without EPC, around a scheduler under test.
class Testbed
{
  public:
    explicit Testbed(TestbedConfig config)
        : m_config(std::move(config))
    {
        ns3::RngSeedManager::SetSeed(1);
        ns3::RngSeedManager::SetRun(1);
        ns3::Config::SetDefault("ns3::LteEnbRrc::SrsPeriodicity",
                                ns3::UintegerValue(m_config.srsPeriodicity));
        ns3::Config::SetDefault("ns3::LteRlcUm::MaxTxBufferSize", ns3::UintegerValue(200000));
        m_lte = ns3::CreateObject<ns3::LteHelper>();
        m_lte->SetAttribute("UseIdealRrc", ns3::BooleanValue(m_config.idealRrc));
        m_lte->SetEnbDeviceAttribute("DlBandwidth", ns3::UintegerValue(m_config.bandwidth_prb));
        m_lte->SetEnbDeviceAttribute("UlBandwidth", ns3::UintegerValue(m_config.bandwidth_prb));
        if (m_config.epc)
        {
            m_epc = ns3::CreateObject<ns3::PointToPointEpcHelper>();
            m_lte->SetEpcHelper(m_epc);
        }
        m_lte->SetSchedulerType(m_config.scheduler);
        for (const auto& [name, value] : m_config.schedulerAttributes)
        {
            m_lte->SetSchedulerAttribute(name, ns3::StringValue(value));
        }
        InstallNodes();
        InstallFading();
        if (m_config.epc)
        {
            InstallInternet();
        }
        ScheduleAttachments();
    }

    ~Testbed()
    {
        ns3::Simulator::Destroy();
        ns3::Config::Reset();
    }

    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;

    /// Simulate up to the time `until_s`.
    void Run(double until_s)
    {
        ns3::Simulator::Stop(ns3::Seconds(until_s) - ns3::Simulator::Now());
        ns3::Simulator::Run();
    }

    SliceFfMacScheduler& Scheduler(uint32_t cell = 0)
    {
        return dynamic_cast<SliceFfMacScheduler&>(*StockScheduler(cell));
    }

    GrantSpy& Spy(uint32_t cell = 0)
    {
        return *m_spies[cell];
    }

    uint16_t Rnti(std::size_t ue) const
    {
        return Ue(ue)->GetRrc()->GetRnti();
    }

    uint16_t CellOf(std::size_t ue) const
    {
        return Ue(ue)->GetRrc()->GetCellId();
    }

    /// Bytes of transport blocks that each UE received without error.
    uint64_t Received_bytes(std::size_t ue) const
    {
        return m_received_bytes[ue];
    }

    /// Transport blocks that arrived in error, over all UEs.
    uint64_t Corrupted() const
    {
        return m_corrupted;
    }

    uint64_t Blocks() const
    {
        return m_blocks;
    }

    /// UDP packets that reached the UE.
    uint64_t Packets(std::size_t ue) const
    {
        return m_servers[ue]->GetReceived();
    }

    void Handover(double time_s, std::size_t ue, uint32_t from, uint32_t to)
    {
        m_lte->HandoverRequest(ns3::Seconds(time_s),
                               m_ueDevices.Get(static_cast<uint32_t>(ue)),
                               m_cellDevices.Get(from),
                               m_cellDevices.Get(to));
    }

    /// Slice of the UE that the RRC of `cell` knows by `rnti`.
    std::optional<uint32_t> SliceOf(uint32_t cell, uint16_t rnti) const
    {
        const uint64_t imsi = Enb(cell)->GetRrc()->GetUeManager(rnti)->GetImsi();
        for (std::size_t ue = 0; ue < m_config.ues.size(); ++ue)
        {
            if (Ue(ue)->GetImsi() == imsi)
            {
                return m_config.ues[ue].slice;
            }
        }
        return std::nullopt;
    }

    ns3::Ptr<ns3::LteHelper> Helper()
    {
        return m_lte;
    }

  private:
    ns3::Ptr<ns3::LteUeNetDevice> Ue(std::size_t ue) const
    {
        return ns3::DynamicCast<ns3::LteUeNetDevice>(m_ueDevices.Get(static_cast<uint32_t>(ue)));
    }

    ns3::Ptr<ns3::LteEnbNetDevice> Enb(uint32_t cell) const
    {
        return ns3::DynamicCast<ns3::LteEnbNetDevice>(m_cellDevices.Get(cell));
    }

    ns3::Ptr<ns3::FfMacScheduler> StockScheduler(uint32_t cell) const
    {
        return ns3::DynamicCast<ns3::ComponentCarrierEnb>(Enb(cell)->GetCcMap().at(0))
            ->GetFfMacScheduler();
    }

    void InstallNodes()
    {
        m_cells.Create(m_config.cells);
        m_ues.Create(static_cast<uint32_t>(m_config.ues.size()));
        ns3::MobilityHelper mobility;
        mobility.Install(m_cells);
        mobility.Install(m_ues);
        for (uint32_t cell = 0; cell < m_config.cells; ++cell)
        {
            m_cells.Get(cell)->GetObject<ns3::MobilityModel>()->SetPosition(
                {500.0 * cell, 0.0, 25.0});
        }
        for (uint32_t ue = 0; ue < m_ues.GetN(); ++ue)
        {
            m_ues.Get(ue)->GetObject<ns3::MobilityModel>()->SetPosition(
                {m_config.ues[ue].distance_m, 0.1 * ue, 1.5});
        }
        m_cellDevices = m_lte->InstallEnbDevice(m_cells);
        m_ueDevices = m_lte->InstallUeDevice(m_ues);
        m_lte->AssignStreams(m_cellDevices, 1000);
        m_lte->AssignStreams(m_ueDevices, 2000);
        for (uint32_t cell = 0; cell < m_config.cells; ++cell)
        {
            if (m_config.spy)
            {
                auto* mac = Enb(cell)->GetMac()->GetFfMacSchedSapUser();
                m_spies.push_back(std::make_unique<GrantSpy>(mac));
                StockScheduler(cell)->SetFfMacSchedSapUser(m_spies.back().get());
            }
            if (m_config.scheduler == SLICED)
            {
                Scheduler(cell).SetSlices(m_config.slices);
                Scheduler(cell).SetSliceResolver([this, cell](uint16_t rnti, uint8_t)
                                                 { return SliceOf(cell, rnti); });
            }
        }
        CountReceptions();
    }

    void CountReceptions()
    {
        m_received_bytes.assign(m_config.ues.size(), 0);
        for (std::size_t ue = 0; ue < m_config.ues.size(); ++ue)
        {
            auto phy = Ue(ue)->GetPhy()->GetDownlinkSpectrumPhy();
            std::function<void(ns3::PhyReceptionStatParameters)> count =
                [this, ue](ns3::PhyReceptionStatParameters block)
            {
                ++m_blocks;
                m_corrupted += block.m_correctness == 0 ? 1 : 0;
                m_received_bytes[ue] += block.m_correctness != 0 ? block.m_size : 0;
            };
            phy->TraceConnectWithoutContext(
                "DlPhyReception",
                ns3::Callback<void, ns3::PhyReceptionStatParameters>(count));
        }
    }

    void InstallFading()
    {
        if (m_config.speed_mps <= 0.0)
        {
            return;
        }
        m_fading = ns3::CreateObject<JakesFadingModel>();
        m_fading->Configure(m_config.bandwidth_prb, 2.12e9);
        int64_t stream = 5000;
        for (uint32_t ue = 0; ue < m_ues.GetN(); ++ue)
        {
            for (uint32_t cell = 0; cell < m_cells.GetN(); ++cell)
            {
                m_fading->AddLink(m_ues.Get(ue)->GetObject<ns3::MobilityModel>(),
                                  m_cells.Get(cell)->GetObject<ns3::MobilityModel>(),
                                  m_config.speed_mps,
                                  stream++);
            }
        }
        m_lte->GetDownlinkSpectrumChannel()->AddSpectrumPropagationLossModel(m_fading);
    }

    void InstallInternet()
    {
        if (m_config.cells > 1)
        {
            m_lte->AddX2Interface(m_cells);
        }
        m_host.Create(1);
        ns3::InternetStackHelper internet;
        internet.Install(m_host);
        internet.Install(m_ues);
        ns3::PointToPointHelper link;
        link.SetDeviceAttribute("DataRate", ns3::DataRateValue(ns3::DataRate("100Gb/s")));
        const auto wires = link.Install(m_epc->GetPgwNode(), m_host.Get(0));
        ns3::Ipv4AddressHelper addresses("1.0.0.0", "255.0.0.0");
        const auto ends = addresses.Assign(wires);
        ns3::Ipv4StaticRoutingHelper routing;
        routing.GetStaticRouting(m_host.Get(0)->GetObject<ns3::Ipv4>())
            ->AddNetworkRouteTo("7.0.0.0", "255.0.0.0", 1);
        const auto ueAddresses = m_epc->AssignUeIpv4Address(m_ueDevices);
        for (uint32_t ue = 0; ue < m_ues.GetN(); ++ue)
        {
            routing.GetStaticRouting(m_ues.Get(ue)->GetObject<ns3::Ipv4>())
                ->SetDefaultRoute(m_epc->GetUeDefaultGatewayAddress(), 1);
            const auto& wanted = m_config.ues[ue];
            m_servers.push_back(Stream(m_host.Get(0),
                                       m_ues.Get(ue),
                                       ueAddresses.GetAddress(ue),
                                       5000,
                                       wanted.downlink_bps));
            const auto port = static_cast<uint16_t>(6000 + ue);
            Stream(m_ues.Get(ue), m_host.Get(0), ends.GetAddress(1), port, wanted.uplink_bps);
        }
    }

    /// UDP from node to node. @return the sink
    ns3::Ptr<ns3::UdpServer> Stream(ns3::Ptr<ns3::Node> from,
                                    ns3::Ptr<ns3::Node> to,
                                    ns3::Ipv4Address address,
                                    uint16_t port,
                                    double rate_bps)
    {
        constexpr uint32_t PAYLOAD_BYTES = 1000;
        ns3::UdpServerHelper server(port);
        auto sink = ns3::DynamicCast<ns3::UdpServer>(server.Install(to).Get(0));
        if (rate_bps > 0.0)
        {
            ns3::UdpClientHelper client(address, port);
            client.SetAttribute("MaxPackets", ns3::UintegerValue(0));
            client.SetAttribute("PacketSize", ns3::UintegerValue(PAYLOAD_BYTES));
            client.SetAttribute("Interval",
                                ns3::TimeValue(ns3::Seconds(8.0 * PAYLOAD_BYTES / rate_bps)));
            client.Install(from).Start(ns3::Seconds(m_config.traffic_s));
        }
        return sink;
    }

    void ScheduleAttachments()
    {
        for (uint32_t ue = 0; ue < m_ues.GetN(); ++ue)
        {
            ns3::Simulator::Schedule(
                ns3::Seconds(m_config.ues[ue].attach_s),
                [this, ue]
                {
                    m_lte->Attach(m_ueDevices.Get(ue), m_cellDevices.Get(0));
                    if (!m_config.epc && m_config.ues[ue].bearer)
                    {
                        m_lte->ActivateDataRadioBearer(
                            ns3::NetDeviceContainer(m_ueDevices.Get(ue)),
                            ns3::EpsBearer(ns3::EpsBearer::NGBR_VIDEO_TCP_DEFAULT));
                    }
                });
        }
    }

    TestbedConfig m_config;
    ns3::Ptr<ns3::LteHelper> m_lte;
    ns3::Ptr<ns3::PointToPointEpcHelper> m_epc;
    ns3::Ptr<JakesFadingModel> m_fading;
    ns3::NodeContainer m_cells;
    ns3::NodeContainer m_ues;
    ns3::NodeContainer m_host;
    ns3::NetDeviceContainer m_cellDevices;
    ns3::NetDeviceContainer m_ueDevices;
    std::vector<std::unique_ptr<GrantSpy>> m_spies;
    std::vector<ns3::Ptr<ns3::UdpServer>> m_servers;
    std::vector<uint64_t> m_received_bytes;
    uint64_t m_corrupted{};
    uint64_t m_blocks{};
};

/// `count` UEs of `slice`, on distances from `nearest_m` on in steps of `step_m`.
inline std::vector<TestUe> UesOf(uint32_t slice, uint32_t count, double nearest_m, double step_m)
{
    std::vector<TestUe> ues;
    for (uint32_t i = 0; i < count; ++i)
    {
        ues.push_back({.slice = slice, .distance_m = nearest_m + step_m * i});
    }
    return ues;
}

inline SliceSchedulerConfig SliceWith(float dedicated,
                                      float min,
                                      float max,
                                      SchedulingRule rule = SchedulingRule::ProportionalFair)
{
    SliceSchedulerConfig slice;
    slice.rule = rule;
    slice.policy = {.dedicated = dedicated, .min = min, .max = max};
    return slice;
}

} // namespace slicebridge::testing

#endif
