// SPDX-License-Identifier: GPL-2.0-only
#include "nr/ip-core.h"

#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-header.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/ipv4-static-routing-helper.h"
#include "ns3/ipv4-static-routing.h"
#include "ns3/mac48-address.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/point-to-point-net-device.h"
#include "ns3/queue.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <utility>

namespace slicebridge::nr
{

namespace
{

constexpr int64_t INTERNET_STREAM = 400'000;
constexpr uint16_t MTU_BYTES = 1500;

const ns3::Ipv4Mask LINK_MASK("255.255.255.252");
const ns3::Ipv4Mask UE_MASK("255.0.0.0");
/// The UPF is the first host of the UEs' network.
constexpr uint32_t UPF_ADDRESS = 0x07000001;

/// A device that passes IP packets to and from a function, with neither ARP nor queue.
ns3::Ptr<ns3::VirtualNetDevice> MakeDevice(ns3::Ptr<ns3::Node> node)
{
    auto device = ns3::CreateObject<ns3::VirtualNetDevice>();
    device->SetAddress(ns3::Mac48Address::Allocate());
    device->SetNeedsArp(false);
    device->SetIsPointToPoint(false);
    device->SetMtu(MTU_BYTES);
    node->AddDevice(device);
    return device;
}

/// Not by ns-3's address helper, which puts a queueing discipline before every link.
void Assign(ns3::Ptr<ns3::NetDevice> device, ns3::Ipv4Address address, ns3::Ipv4Mask mask)
{
    auto ip = device->GetNode()->GetObject<ns3::Ipv4>();
    const uint32_t interface = ip->AddInterface(device);
    ip->AddAddress(interface, {address, mask});
    ip->SetUp(interface);
}

void InstallStack(const ns3::NodeContainer& nodes)
{
    ns3::InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    internet.SetRoutingHelper(ns3::Ipv4StaticRoutingHelper());
    internet.Install(nodes);
    internet.AssignStreams(nodes, INTERNET_STREAM);
}

bool NoUplink(ns3::Ptr<ns3::Packet>, const ns3::Address&, const ns3::Address&, uint16_t)
{
    return false;
}

} // namespace

IpCore::IpCore(NrRan& ran, ns3::Time delay)
    : m_ran(ran),
      m_host(ns3::CreateObject<ns3::Node>()),
      m_upf(ns3::CreateObject<ns3::Node>()),
      m_dropped([](const ns3::Packet&) {})
{
    ns3::NodeContainer nodes(m_host, m_upf);
    for (uint32_t ue = 0; ue < m_ran.UeCount(); ++ue)
    {
        nodes.Add(m_ran.UeNode(ue));
    }
    InstallStack(nodes);
    LinkHost(delay);
    InstallUes();
    m_ran.SetDeliveryCallback([this](uint32_t ue, uint32_t, const ns3::Packet& packet)
                              { Deliver(ue, packet); });
}

ns3::Ipv4Address IpCore::UeAddress(uint32_t ue) const
{
    return ns3::Ipv4Address(UPF_ADDRESS + 1 + ue);
}

void IpCore::SetDropCallback(std::function<void(const ns3::Packet&)> callback)
{
    m_dropped = std::move(callback);
}

void IpCore::LinkHost(ns3::Time delay)
{
    ns3::PointToPointHelper link;
    link.DisableFlowControl();
    link.SetDeviceAttribute("DataRate", ns3::StringValue("100Gb/s"));
    link.SetDeviceAttribute("Mtu", ns3::UintegerValue(MTU_BYTES));
    link.SetChannelAttribute("Delay", ns3::TimeValue(delay));
    // Devices that wake at one instant all have room.
    link.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", ns3::StringValue("1000000p"));
    const auto devices = link.Install(m_host, m_upf);
    const ns3::Ipv4Address upf("1.0.0.1");
    Assign(devices.Get(0), ns3::Ipv4Address("1.0.0.2"), LINK_MASK);
    Assign(devices.Get(1), upf, LINK_MASK);
    ns3::Ipv4StaticRoutingHelper()
        .GetStaticRouting(m_host->GetObject<ns3::Ipv4>())
        ->SetDefaultRoute(upf, 1);
    ns3::DynamicCast<ns3::PointToPointNetDevice>(devices.Get(0))
        ->GetQueue()
        ->TraceConnectWithoutContext("Drop", ns3::MakeCallback(&IpCore::OnQueueDrop, this));
}

void IpCore::InstallUes()
{
    auto toCells = MakeDevice(m_upf);
    toCells->SetSendCallback(ns3::MakeCallback(&IpCore::SendOverAir, this));
    Assign(toCells, ns3::Ipv4Address(UPF_ADDRESS), UE_MASK);
    for (uint32_t ue = 0; ue < m_ran.UeCount(); ++ue)
    {
        auto device = MakeDevice(m_ran.UeNode(ue));
        device->SetSendCallback(ns3::MakeCallback(&NoUplink));
        Assign(device, UeAddress(ue), UE_MASK);
        m_ueDevices.push_back(device);
    }
}

bool IpCore::SendOverAir(ns3::Ptr<ns3::Packet> packet,
                         const ns3::Address&,
                         const ns3::Address&,
                         uint16_t)
{
    ns3::Ipv4Header header;
    packet->PeekHeader(header);
    const uint32_t ue = header.GetDestination().Get() - UeAddress(0).Get();
    if (ue >= m_ueDevices.size())
    {
        return false;
    }
    const uint32_t bytes = packet->GetSize();
    m_ran.Send(ue, std::move(packet), bytes);
    return true;
}

/// What a node does has to run in its own context.
void IpCore::Deliver(uint32_t ue, const ns3::Packet& packet) const
{
    const auto& device = m_ueDevices[ue];
    ns3::Simulator::ScheduleWithContext(device->GetNode()->GetId(),
                                        ns3::Time(0),
                                        &ns3::VirtualNetDevice::Receive,
                                        device,
                                        packet.Copy(),
                                        ns3::Ipv4L3Protocol::PROT_NUMBER,
                                        device->GetAddress(),
                                        device->GetAddress(),
                                        ns3::NetDevice::PACKET_HOST);
}

void IpCore::OnQueueDrop(ns3::Ptr<const ns3::Packet> packet) const
{
    m_dropped(*packet);
}

} // namespace slicebridge::nr
