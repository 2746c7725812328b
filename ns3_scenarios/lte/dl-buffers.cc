// SPDX-License-Identifier: GPL-2.0-only
#include "lte/dl-buffers.h"

#include <algorithm>

namespace slicebridge
{

bool DlBuffers::Channel::IsSignalling() const
{
    return id <= LAST_SIGNALLING_LCID;
}

uint32_t DlBuffers::Channel::HeaderBytes() const
{
    // SRB 0 is RLC TM; the others RLC AM with 4 bytes at least. Data have 2 (UM) at least, and to
    // believe in more would cut the last PDU of a burst in two.
    return id == 0 ? 0 : IsSignalling() ? 4 : 2;
}

uint32_t DlBuffers::Channel::Needed() const
{
    // ns-3's RLC AM reports all that is not acknowledged yet as "retransmission queue". While there
    // is new data that part is not believed, or each SDU would claim room for those before it.
    const uint32_t queue = tx_bytes > 0 ? tx_bytes : retx_bytes;
    const uint32_t bytes = queue + status_bytes;
    return bytes == 0 ? 0 : bytes + HeaderBytes();
}

void DlBuffers::Channel::Take(uint32_t bytes)
{
    // RLC AM sends one kind of PDU per opportunity, a status PDU first.
    if (status_bytes > 0 && bytes >= status_bytes)
    {
        status_bytes = 0;
        return;
    }
    const uint32_t payload = bytes > HeaderBytes() ? bytes - HeaderBytes() : 0;
    uint32_t& queue = tx_bytes > 0 ? tx_bytes : retx_bytes;
    queue -= std::min(queue, payload);
}

void DlBuffers::Report(const RlcReport& report, uint64_t tti)
{
    const uint8_t id = report.m_logicalChannelIdentity;
    auto it = std::ranges::lower_bound(m_channels, id, {}, &Channel::id);
    if (it == m_channels.end() || it->id != id)
    {
        it = m_channels.insert(it, Channel{id});
    }
    it->tx_bytes = report.m_rlcTransmissionQueueSize;
    it->retx_bytes = report.m_rlcRetransmissionQueueSize;
    it->status_bytes = report.m_rlcStatusPduSize;
    it->hol_ms = std::max(it->tx_bytes > 0 ? report.m_rlcTransmissionQueueHolDelay : 0,
                          it->retx_bytes > 0 ? report.m_rlcRetransmissionHolDelay : 0);
    it->reportTti = tti;
}

void DlBuffers::Remove(uint8_t lcid)
{
    std::erase_if(m_channels, [lcid](const Channel& channel) { return channel.id == lcid; });
}

uint32_t DlBuffers::SignallingBytes() const
{
    return Needed(true);
}

uint32_t DlBuffers::DataBytes() const
{
    return Needed(false);
}

uint32_t DlBuffers::Needed(bool signalling) const
{
    uint32_t bytes = 0;
    for (const auto& channel : m_channels)
    {
        bytes += channel.IsSignalling() == signalling ? channel.Needed() : 0;
    }
    return bytes;
}

double DlBuffers::DataHolDelay_ms(uint64_t tti) const
{
    uint64_t oldest = 0;
    for (const auto& channel : m_channels)
    {
        if (!channel.IsSignalling() && channel.tx_bytes + channel.retx_bytes > 0)
        {
            oldest = std::max(oldest, channel.hol_ms + (tti - channel.reportTti));
        }
    }
    return static_cast<double>(oldest);
}

DlBuffers::RlcPdus DlBuffers::Fill(const std::vector<uint16_t>& blocks_bytes)
{
    RlcPdus pdus;
    for (const auto& channel : m_channels)
    {
        if (channel.Needed() > 0)
        {
            ns3::RlcPduListElement_s none;
            none.m_logicalChannelIdentity = channel.id;
            none.m_size = 0;
            pdus.emplace_back(blocks_bytes.size(), none);
        }
    }
    for (std::size_t layer = 0; layer < blocks_bytes.size(); ++layer)
    {
        FillLayer(blocks_bytes[layer], layer, pdus);
    }
    return pdus;
}

void DlBuffers::FillLayer(uint32_t block_bytes, std::size_t layer, RlcPdus& pdus)
{
    uint32_t dataChannels = 0;
    for (auto& pdu : pdus)
    {
        Channel& channel = Find(pdu[layer].m_logicalChannelIdentity);
        if (!channel.IsSignalling())
        {
            ++dataChannels;
            continue;
        }
        const uint32_t bytes = std::min(channel.Needed(), block_bytes);
        pdu[layer].m_size = static_cast<uint16_t>(bytes);
        channel.Take(bytes);
        block_bytes -= bytes;
    }
    for (auto& pdu : pdus)
    {
        Channel& channel = Find(pdu[layer].m_logicalChannelIdentity);
        if (!channel.IsSignalling())
        {
            pdu[layer].m_size = static_cast<uint16_t>(block_bytes / dataChannels);
            channel.Take(pdu[layer].m_size);
        }
    }
}

DlBuffers::Channel& DlBuffers::Find(uint8_t id)
{
    return *std::ranges::find(m_channels, id, &Channel::id);
}

} // namespace slicebridge
