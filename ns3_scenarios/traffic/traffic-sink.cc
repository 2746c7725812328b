// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/traffic-sink.h"

#include "ns3/inet-socket-address.h"
#include "ns3/node.h"
#include "ns3/udp-socket-factory.h"

namespace slicebridge
{

TrafficSink::TrafficSink(uint16_t port, Receiver receiver)
    : m_port(port),
      m_receiver(std::move(receiver))
{
}

void TrafficSink::StartApplication()
{
    m_socket = ns3::Socket::CreateSocket(GetNode(), ns3::UdpSocketFactory::GetTypeId());
    m_socket->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), m_port));
    m_socket->SetRecvCallback(ns3::MakeCallback(&TrafficSink::OnReceive, this));
}

void TrafficSink::StopApplication()
{
    m_socket->Close();
}

void TrafficSink::OnReceive(ns3::Ptr<ns3::Socket> socket)
{
    while (const auto packet = socket->Recv())
    {
        m_receiver(ReadPacketId(*packet));
    }
}

} // namespace slicebridge
