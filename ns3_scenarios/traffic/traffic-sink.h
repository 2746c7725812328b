// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_TRAFFIC_SINK_H
#define SLICEBRIDGE_TRAFFIC_TRAFFIC_SINK_H

#include "traffic/traffic-packet.h"

#include "ns3/application.h"
#include "ns3/socket.h"

#include <cstdint>
#include <functional>

namespace slicebridge
{

/// The UE application: takes the packets that arrive at a UDP port.
class TrafficSink : public ns3::Application
{
  public:
    using Receiver = std::function<void(PacketId)>;

    /**
     * @param port UDP
     * @param receiver told of each packet, by the header that arrived in its payload
     */
    TrafficSink(uint16_t port, Receiver receiver);

  private:
    void StartApplication() override;
    void StopApplication() override;
    void OnReceive(ns3::Ptr<ns3::Socket> socket);

    uint16_t m_port;
    Receiver m_receiver;
    ns3::Ptr<ns3::Socket> m_socket;
};

} // namespace slicebridge

#endif
