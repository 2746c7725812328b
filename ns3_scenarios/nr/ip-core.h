// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_IP_CORE_H
#define SLICEBRIDGE_NR_IP_CORE_H

#include "nr/nr-ran.h"

#include "ns3/ipv4-address.h"
#include "ns3/node.h"
#include "ns3/nstime.h"
#include "ns3/virtual-net-device.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace slicebridge::nr
{

/**
 * IP between a remote host and the UEs of an NrRan, on ns-3's internet stack: the host is linked to
 * a user plane function (UPF), which routes a UE's packets to the cell that serves it at that
 * moment; what comes through the air enters the IP stack of the UE. Tunnels between UPF and cells
 * are left out, and so is the uplink. UEs are attached from the start.
 */
class IpCore
{
  public:
    /**
     * Builds nodes and stacks, and takes over the network's delivery callback.
     * @param ran outlives the core
     * @param delay one way, from the host to the UPF
     */
    IpCore(NrRan& ran, ns3::Time delay);
    IpCore(const IpCore&) = delete;
    IpCore& operator=(const IpCore&) = delete;

    /// Node that applications send from, by UDP or whatever else runs on IP.
    ns3::Ptr<ns3::Node> RemoteHost() const
    {
        return m_host;
    }

    /// Address of a UE.
    ns3::Ipv4Address UeAddress(uint32_t ue) const;

    /// Called with each packet that does not fit into the host's queue to the core.
    void SetDropCallback(std::function<void(const ns3::Packet&)> callback);

  private:
    void LinkHost(ns3::Time delay);
    void InstallUes();
    bool SendOverAir(ns3::Ptr<ns3::Packet> packet,
                     const ns3::Address& source,
                     const ns3::Address& destination,
                     uint16_t protocol);
    void Deliver(uint32_t ue, const ns3::Packet& packet) const;
    void OnQueueDrop(ns3::Ptr<const ns3::Packet> packet) const;

    NrRan& m_ran;
    ns3::Ptr<ns3::Node> m_host;
    ns3::Ptr<ns3::Node> m_upf;
    std::vector<ns3::Ptr<ns3::VirtualNetDevice>> m_ueDevices;
    std::function<void(const ns3::Packet&)> m_dropped;
};

} // namespace slicebridge::nr

#endif
