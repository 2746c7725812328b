// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/traffic-packet.h"

#include "ns3/assert.h"

namespace slicebridge
{

NS_OBJECT_ENSURE_REGISTERED(TrafficHeader);
NS_OBJECT_ENSURE_REGISTERED(PacketIdTag);

TrafficHeader::TrafficHeader(PacketId id, int64_t sent_ns)
    : m_id(id),
      m_sent_ns(sent_ns)
{
}

PacketId TrafficHeader::Id() const
{
    return m_id;
}

int64_t TrafficHeader::Sent_ns() const
{
    return m_sent_ns;
}

ns3::TypeId TrafficHeader::GetTypeId()
{
    static const ns3::TypeId typeId = ns3::TypeId("slicebridge::TrafficHeader")
                                          .SetParent<ns3::Header>()
                                          .AddConstructor<TrafficHeader>();
    return typeId;
}

ns3::TypeId TrafficHeader::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t TrafficHeader::GetSerializedSize() const
{
    return BYTES;
}

void TrafficHeader::Serialize(ns3::Buffer::Iterator start) const
{
    start.WriteHtonU32(m_id.ue);
    start.WriteHtonU32(m_id.sequence);
    start.WriteHtonU64(static_cast<uint64_t>(m_sent_ns));
}

uint32_t TrafficHeader::Deserialize(ns3::Buffer::Iterator start)
{
    m_id.ue = start.ReadNtohU32();
    m_id.sequence = start.ReadNtohU32();
    m_sent_ns = static_cast<int64_t>(start.ReadNtohU64());
    return BYTES;
}

void TrafficHeader::Print(std::ostream& os) const
{
    os << "ue " << m_id.ue << " sequence " << m_id.sequence << " sent " << m_sent_ns << " ns";
}

PacketIdTag::PacketIdTag(PacketId id)
    : m_id(id)
{
}

PacketId PacketIdTag::Id() const
{
    return m_id;
}

ns3::TypeId PacketIdTag::GetTypeId()
{
    static const ns3::TypeId typeId =
        ns3::TypeId("slicebridge::PacketIdTag").SetParent<ns3::Tag>().AddConstructor<PacketIdTag>();
    return typeId;
}

ns3::TypeId PacketIdTag::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t PacketIdTag::GetSerializedSize() const
{
    return 2 * sizeof(uint32_t);
}

void PacketIdTag::Serialize(ns3::TagBuffer buffer) const
{
    buffer.WriteU32(m_id.ue);
    buffer.WriteU32(m_id.sequence);
}

void PacketIdTag::Deserialize(ns3::TagBuffer buffer)
{
    m_id.ue = buffer.ReadU32();
    m_id.sequence = buffer.ReadU32();
}

void PacketIdTag::Print(std::ostream& os) const
{
    os << "ue " << m_id.ue << " sequence " << m_id.sequence;
}

ns3::Ptr<ns3::Packet> MakeTrafficPacket(PacketId id, int64_t sent_ns, uint32_t bytes)
{
    NS_ASSERT_MSG(bytes >= TrafficHeader::BYTES, "a packet has to hold its header");
    auto packet = ns3::Create<ns3::Packet>(bytes - TrafficHeader::BYTES);
    packet->AddHeader(TrafficHeader(id, sent_ns));
    packet->AddByteTag(PacketIdTag(id));
    return packet;
}

std::optional<PacketId> FindPacketId(const ns3::Packet& packet)
{
    PacketIdTag tag;
    if (!packet.FindFirstMatchingByteTag(tag))
    {
        return std::nullopt;
    }
    return tag.Id();
}

} // namespace slicebridge
