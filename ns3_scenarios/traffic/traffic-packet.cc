// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/traffic-packet.h"

#include "ns3/assert.h"

#include <array>

namespace slicebridge
{

namespace
{

using HeaderBytes = std::array<uint8_t, TrafficHeader::BYTES>;

/// In network order.
template <typename Integer>
void Put(HeaderBytes& bytes, std::size_t at, Integer value)
{
    for (std::size_t i = sizeof(Integer); i-- > 0; value >>= 8)
    {
        bytes[at + i] = static_cast<uint8_t>(value);
    }
}

template <typename Integer>
Integer Get(const HeaderBytes& bytes, std::size_t at)
{
    Integer value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
    {
        value = static_cast<Integer>(value << 8) | bytes[at + i];
    }
    return value;
}

constexpr std::size_t UE_AT = 0;
constexpr std::size_t SEQUENCE_AT = 4;
constexpr std::size_t SENT_AT = 8;

} // namespace

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
    HeaderBytes bytes;
    Put(bytes, UE_AT, m_id.ue);
    Put(bytes, SEQUENCE_AT, m_id.sequence);
    Put(bytes, SENT_AT, static_cast<uint64_t>(m_sent_ns));
    start.Write(bytes.data(), bytes.size());
}

uint32_t TrafficHeader::Deserialize(ns3::Buffer::Iterator start)
{
    HeaderBytes bytes;
    start.Read(bytes.data(), bytes.size());
    m_id.ue = Get<uint32_t>(bytes, UE_AT);
    m_id.sequence = Get<uint32_t>(bytes, SEQUENCE_AT);
    m_sent_ns = static_cast<int64_t>(Get<uint64_t>(bytes, SENT_AT));
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
    return packet;
}

void TagTrafficPacket(ns3::Packet& packet)
{
    packet.AddByteTag(PacketIdTag(ReadPacketId(packet)));
}

PacketId ReadPacketId(const ns3::Packet& packet)
{
    // Not PeekHeader(), whose iterator checks each byte: every packet pays for it.
    HeaderBytes bytes;
    packet.CopyData(bytes.data(), bytes.size());
    return {.ue = Get<uint32_t>(bytes, UE_AT), .sequence = Get<uint32_t>(bytes, SEQUENCE_AT)};
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
