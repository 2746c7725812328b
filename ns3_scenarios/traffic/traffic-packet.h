// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_TRAFFIC_PACKET_H
#define SLICEBRIDGE_TRAFFIC_TRAFFIC_PACKET_H

#include "ns3/header.h"
#include "ns3/packet.h"
#include "ns3/tag.h"

#include <cstdint>
#include <functional>
#include <optional>

namespace slicebridge
{

/// Identity of a packet: its UE and its number among that UE's packets.
struct PacketId
{
    uint32_t ue{};
    uint32_t sequence{};

    bool operator==(const PacketId&) const = default;
};

/// Where a source hands its packets: a UDP socket, or a cell that is fed without IP.
using PacketOutlet = std::function<void(ns3::Ptr<ns3::Packet>)>;

/// First bytes of the UDP payload, read by the sink: they crossed the network as data did. Written
/// and read as one block of bytes, since every packet pays for it.
class TrafficHeader : public ns3::Header
{
  public:
    static constexpr uint32_t BYTES = 16;

    TrafficHeader() = default;
    TrafficHeader(PacketId id, int64_t sent_ns);

    PacketId Id() const;
    int64_t Sent_ns() const;

    static ns3::TypeId GetTypeId();
    ns3::TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(ns3::Buffer::Iterator start) const override;
    uint32_t Deserialize(ns3::Buffer::Iterator start) override;
    void Print(std::ostream& os) const override;

  private:
    PacketId m_id;
    int64_t m_sent_ns{};
};

/// The identity once more, as a byte tag: a queue that drops a packet holds it below headers of
/// other layers, or holds a fragment of it, and byte tags survive both.
class PacketIdTag : public ns3::Tag
{
  public:
    PacketIdTag() = default;
    explicit PacketIdTag(PacketId id);

    PacketId Id() const;

    static ns3::TypeId GetTypeId();
    ns3::TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(ns3::TagBuffer buffer) const override;
    void Deserialize(ns3::TagBuffer buffer) override;
    void Print(std::ostream& os) const override;

  private:
    PacketId m_id;
};

/**
 * Make a packet that carries the header.
 * @param bytes UDP payload including the header, at least TrafficHeader::BYTES
 */
ns3::Ptr<ns3::Packet> MakeTrafficPacket(PacketId id, int64_t sent_ns, uint32_t bytes);

/// Adds the tag to a packet that begins with its header, before it enters other layers.
void TagTrafficPacket(ns3::Packet& packet);

/// What the header says that a packet begins with.
PacketId ReadPacketId(const ns3::Packet& packet);

/// Identity by the tag: of the first traffic packet of which `packet` holds a byte, below whatever
/// headers; empty if it holds none (signalling, for example).
std::optional<PacketId> FindPacketId(const ns3::Packet& packet);

} // namespace slicebridge

#endif
