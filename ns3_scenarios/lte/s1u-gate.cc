// SPDX-License-Identifier: GPL-2.0-only
#include "lte/s1u-gate.h"

#include "ns3/abort.h"
#include "ns3/ipv4-header.h"
#include "ns3/ipv4.h"
#include "ns3/net-device.h"
#include "ns3/point-to-point-net-device.h"

#include <array>
#include <utility>

namespace slicebridge
{

namespace
{

// Where things are in IPv4 (RFC 791, no options) + UDP (RFC 768) + GTP-U (TS 29.281, 5.1, with the
// optional fields that ns-3 always sends).
constexpr std::size_t PROTOCOL_AT = 9;
constexpr std::size_t UDP_DESTINATION_AT = 22;
constexpr std::size_t TEID_AT = 32;
constexpr uint32_t TUNNEL_BYTES = 20 + 8 + 12;
constexpr uint8_t UDP = 17;
constexpr uint16_t GTPU_PORT = 2152;

ns3::Ptr<ns3::NetDevice> FindS1uDevice(const ns3::Node& enb)
{
    for (uint32_t i = 0; i < enb.GetNDevices(); ++i)
    {
        if (ns3::DynamicCast<ns3::PointToPointNetDevice>(enb.GetDevice(i)))
        {
            return enb.GetDevice(i);
        }
    }
    NS_ABORT_MSG("the eNB has no S1-U device");
}

} // namespace

S1uGate::S1uGate(ns3::Ptr<ns3::Node> enb, Arrival arrival)
    : m_device{FindS1uDevice(*enb)},
      m_ip{enb->GetObject<ns3::Ipv4L3Protocol>()},
      m_arrival{std::move(arrival)}
{
    m_address = m_ip->GetAddress(m_ip->GetInterfaceForDevice(m_device), 0).GetLocal();
    m_device->SetReceiveCallback(ns3::MakeCallback(&S1uGate::Receive, this));
}

bool S1uGate::Receive(ns3::Ptr<ns3::NetDevice> device,
                      ns3::Ptr<const ns3::Packet> packet,
                      uint16_t protocol,
                      const ns3::Address& from)
{
    std::array<uint8_t, TEID_AT + 4> bytes{};
    if (protocol == ns3::Ipv4L3Protocol::PROT_NUMBER && packet->GetSize() > TUNNEL_BYTES &&
        packet->CopyData(bytes.data(), bytes.size()) == bytes.size() && bytes[PROTOCOL_AT] == UDP &&
        (bytes[UDP_DESTINATION_AT] << 8 | bytes[UDP_DESTINATION_AT + 1]) == GTPU_PORT)
    {
        uint32_t teid = 0;
        for (std::size_t i = TEID_AT; i < TEID_AT + 4; ++i)
        {
            teid = teid << 8 | bytes[i];
        }
        m_arrival(packet->Copy(), teid, packet->GetSize() - TUNNEL_BYTES);
        return true;
    }
    m_ip->Receive(device,
                  packet,
                  protocol,
                  from,
                  device->GetAddress(),
                  ns3::NetDevice::PACKET_HOST);
    return true;
}

void S1uGate::Admit(ns3::Ptr<ns3::Packet> packet)
{
    ns3::Ipv4Header header;
    packet->PeekHeader(header);
    if (header.GetDestination() != m_address)
    {
        packet->RemoveHeader(header);
        header.SetDestination(m_address);
        packet->AddHeader(header);
    }
    m_ip->Receive(m_device,
                  packet,
                  ns3::Ipv4L3Protocol::PROT_NUMBER,
                  m_device->GetAddress(),
                  m_device->GetAddress(),
                  ns3::NetDevice::PACKET_HOST);
}

} // namespace slicebridge
