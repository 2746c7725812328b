// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_S1U_GATE_H
#define SLICEBRIDGE_LTE_S1U_GATE_H

#include "ns3/ipv4-address.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/node.h"
#include "ns3/packet.h"

#include <cstdint>
#include <functional>

namespace slicebridge
{

/**
 * Holds up user packets on their way into an eNB: it sits between the eNB's S1-U network device and
 * the IP stack below EpcEnbApplication, whose own receive path is closed. What is no GTP-U packet
 * passes at once; what is goes to a callback, and on by Admit().
 */
class S1uGate
{
  public:
    /// @param teid tunnel of the packet, @param bytes size of the user's IP packet in it
    using Arrival =
        std::function<void(ns3::Ptr<ns3::Packet> packet, uint32_t teid, uint32_t bytes)>;

    /// @param enb node whose only network device besides LTE and loopback is the one towards the
    /// SGW
    S1uGate(ns3::Ptr<ns3::Node> enb, Arrival arrival);

    /// Let a packet into the eNB that came to this gate, or to that of another eNB.
    void Admit(ns3::Ptr<ns3::Packet> packet);

  private:
    bool Receive(ns3::Ptr<ns3::NetDevice> device,
                 ns3::Ptr<const ns3::Packet> packet,
                 uint16_t protocol,
                 const ns3::Address& from);

    ns3::Ptr<ns3::NetDevice> m_device;
    ns3::Ptr<ns3::Ipv4L3Protocol> m_ip;
    ns3::Ipv4Address m_address;
    Arrival m_arrival;
};

} // namespace slicebridge

#endif
