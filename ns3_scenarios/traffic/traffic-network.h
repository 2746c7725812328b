// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_TRAFFIC_NETWORK_H
#define SLICEBRIDGE_TRAFFIC_TRAFFIC_NETWORK_H

#include "traffic/packet-ledger.h"
#include "traffic/traffic-config.h"
#include "traffic/traffic-source.h"

#include "ns3/ipv4-address.h"
#include "ns3/node.h"
#include "ns3/socket.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace slicebridge
{

/// What sends packets to the UEs of a network, and how it reaches them.
struct TrafficParts
{
    PacketLedger& ledger; ///< outlives the traffic
    std::vector<TrafficConfig> slices;
    std::vector<uint32_t> ueSlice;           ///< slice id of each UE
    ns3::Ptr<ns3::Node> host;                ///< that the sources run on
    std::vector<PacketOutlet> outlets;       ///< one per UE
    std::function<int32_t(uint32_t)> cellOf; ///< serving cell of a UE, -1 if none
};

/**
 * The sources of all UEs. They run from time zero, their packets are sent from Enable() on, when
 * the network can carry them.
 */
class TrafficNetwork
{
  public:
    explicit TrafficNetwork(TrafficParts parts);
    TrafficNetwork(const TrafficNetwork&) = delete;
    TrafficNetwork& operator=(const TrafficNetwork&) = delete;

    void Enable();

    /// Load profiles begin now.
    void StartProfiles();

  private:
    std::optional<PacketId> Admit(uint32_t ue, uint32_t bytes);

    TrafficParts m_parts;
    std::vector<std::shared_ptr<Load>> m_loads; ///< one per slice
    std::vector<ns3::Ptr<TrafficSource>> m_sources;
    std::vector<int32_t> m_lastCell; ///< per UE: it has none for a moment while it is handed over
    bool m_enabled{false};
};

/// UDP port of the UE application.
inline constexpr uint16_t TRAFFIC_PORT = 4000;

/**
 * Ways to UEs by UDP, from one socket on `host`. A packet that the host itself cannot send counts
 * as dropped by a queue.
 */
std::vector<PacketOutlet> MakeUdpOutlets(ns3::Ptr<ns3::Node> host,
                                         const std::vector<ns3::Ipv4Address>& ueAddresses,
                                         PacketLedger& ledger);

/// Puts the UE application on a node; it tells the ledger what arrives.
void InstallSink(ns3::Ptr<ns3::Node> ueNode, PacketLedger& ledger);

} // namespace slicebridge

#endif
