// SPDX-License-Identifier: GPL-2.0-only
#include "lte/bearer-tap.h"

#include "ns3/boolean.h"
#include "ns3/lte-pdcp-header.h"
#include "ns3/lte-pdcp.h"
#include "ns3/lte-rlc-am-header.h"
#include "ns3/lte-rlc-header.h"
#include "ns3/lte-rlc.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <utility>

namespace slicebridge
{

namespace
{

/// PDCP and RLC AM number modulo these (TS 36.323, 6.2.3; TS 36.322, 6.2.2.3).
constexpr uint16_t PDCP_SN_MASK = 0xFFF;
constexpr uint16_t AM_SN_MASK = 0x3FF;

/// With 12-bit sequence numbers (TS 36.323, 6.2.4).
constexpr uint32_t PDCP_HEADER_BYTES = 2;

const ns3::Time TTI = ns3::MilliSeconds(1);

} // namespace

class BearerTap::PdcpToRlc : public ns3::LteRlcSapProvider
{
  public:
    PdcpToRlc(BearerTap& tap, ns3::LteRlcSapProvider* rlc)
        : m_tap{tap},
          m_rlc{rlc}
    {
    }

    void TransmitPdcpPdu(TransmitPdcpPduParameters params) override
    {
        m_tap.OnPdcpPdu(params);
    }

    BearerTap& m_tap;
    ns3::LteRlcSapProvider* m_rlc;
};

class BearerTap::RlcToMac : public ns3::LteMacSapProvider
{
  public:
    RlcToMac(BearerTap& tap, ns3::LteMacSapProvider* mac)
        : m_tap{tap},
          m_mac{mac}
    {
    }

    void TransmitPdu(TransmitPduParameters params) override
    {
        m_tap.OnRlcPdu(*params.pdu);
        m_mac->TransmitPdu(params);
    }

    void ReportBufferStatus(ReportBufferStatusParameters params) override
    {
        m_tap.m_statusBytes = params.statusPduSize;
        if (!m_tap.m_released)
        {
            m_mac->ReportBufferStatus(params);
        }
    }

  private:
    BearerTap& m_tap;
    ns3::LteMacSapProvider* m_mac;
};

class BearerTap::RlcToPdcp : public ns3::LteRlcSapUser
{
  public:
    RlcToPdcp(BearerTap& tap, ns3::LteRlcSapUser* pdcp)
        : m_tap{tap},
          m_pdcp{pdcp}
    {
    }

    void ReceivePdcpPdu(ns3::Ptr<ns3::Packet> pdcpPdu) override
    {
        m_tap.OnDelivered(*pdcpPdu);
        m_pdcp->ReceivePdcpPdu(pdcpPdu);
    }

  private:
    BearerTap& m_tap;
    ns3::LteRlcSapUser* m_pdcp;
};

BearerTap::BearerTap(ns3::Ptr<ns3::LteDataRadioBearerInfo> enb,
                     LteRlcMode mode,
                     ns3::LteMacSapProvider* mac,
                     BearerTotals& totals,
                     DropHook dropped)
    : m_mode{mode},
      m_totals{totals},
      m_dropped{std::move(dropped)},
      m_enb{enb},
      m_pdcpToRlc{std::make_unique<PdcpToRlc>(*this, enb->m_rlc->GetLteRlcSapProvider())},
      m_rlcToMac{std::make_unique<RlcToMac>(*this, mac)}
{
    // This option reports SDUs as discarded and then sends them all the same.
    enb->m_rlc->SetAttributeFailSafe("EnablePdcpDiscarding", ns3::BooleanValue(false));
    enb->m_pdcp->SetLteRlcSapProvider(m_pdcpToRlc.get());
    enb->m_rlc->SetLteMacSapProvider(m_rlcToMac.get());
    enb->m_rlc->TraceConnectWithoutContext("TxDrop",
                                           ns3::MakeCallback(&BearerTap::OnRlcDrop, this));
}

BearerTap::~BearerTap() = default;

void BearerTap::ConnectUe(ns3::Ptr<ns3::LteDataRadioBearerInfo> ue)
{
    m_ue = ue;
    m_rlcToPdcp = std::make_unique<RlcToPdcp>(*this, ue->m_pdcp->GetLteRlcSapUser());
    ue->m_rlc->SetLteRlcSapUser(m_rlcToPdcp.get());
}

bool BearerTap::UeConnected() const
{
    return m_ue && !m_retired;
}

void BearerTap::Retire()
{
    if (m_retired)
    {
        return;
    }
    m_retired = true;
    if (m_busySince != ns3::Time::Max())
    {
        m_totals.activeTime_ns += (ns3::Simulator::Now() - m_busySince).GetNanoSeconds();
        m_busySince = ns3::Time::Max();
    }
    for (const auto& sdu : m_buffer)
    {
        // An SDU of which a part was sent is lost on the air; the rest never was.
        if (sdu.firstSent.IsZero())
        {
            ++m_totals.rlcSduDropped;
            m_dropped(*sdu.pdcpPdu, true);
        }
    }
    m_buffer.clear();
    m_bufferBytes = 0;
}

void BearerTap::Release()
{
    Retire();
    m_released = true;
    // ns-3 leaves the timers of a removed RLC entity running.
    ns3::Simulator::ScheduleNow(
        [enb = m_enb, ue = m_ue]
        {
            enb->m_rlc->Dispose();
            if (ue)
            {
                ue->m_rlc->Dispose();
            }
        });
}

uint64_t BearerTap::BufferedBytes() const
{
    return m_bufferBytes;
}

uint32_t BearerTap::LeastOpportunity_bytes() const
{
    // What ns-3's RLC AM insists on for new data; RLC UM turns down what is too small by itself.
    constexpr uint32_t AM_DATA_BYTES = 7;
    return m_mode == LteRlcMode::Acknowledged ? std::max(AM_DATA_BYTES, m_statusBytes) : 0;
}

ns3::Time BearerTap::OldestArrival() const
{
    return m_buffer.empty() ? ns3::Time::Max() : m_buffer.front().arrival;
}

ns3::Time BearerTap::BusySince() const
{
    return m_busySince;
}

void BearerTap::OnPdcpPdu(ns3::LteRlcSapProvider::TransmitPdcpPduParameters& params)
{
    const uint32_t bytes = params.pdcpPdu->GetSize();
    m_refused = false;
    m_pdcpToRlc->m_rlc->TransmitPdcpPdu(params);
    if (m_retired)
    {
        return;
    }
    const uint16_t pdcpSn = m_nextPdcpSn;
    m_nextPdcpSn = (m_nextPdcpSn + 1) & PDCP_SN_MASK;
    m_totals.pdcpSdu_bits += 8UL * (bytes - PDCP_HEADER_BYTES);
    if (m_refused)
    {
        return;
    }
    if (m_buffer.empty())
    {
        m_busySince = ns3::Simulator::Now();
    }
    m_buffer.push_back({params.pdcpPdu, bytes, ns3::Simulator::Now(), ns3::Time{}, pdcpSn});
    m_bufferBytes += bytes;
}

void BearerTap::OnRlcDrop(ns3::Ptr<const ns3::Packet> pdcpPdu)
{
    m_refused = true;
    ++m_totals.rlcSduDropped;
    m_dropped(*pdcpPdu, false);
}

uint32_t BearerTap::NewDataBytes(const ns3::Packet& rlcPdu)
{
    if (m_mode == LteRlcMode::Unacknowledged)
    {
        ns3::LteRlcHeader header;
        return rlcPdu.GetSize() - rlcPdu.PeekHeader(header);
    }
    ns3::LteRlcAmHeader header;
    const uint32_t headerBytes = rlcPdu.PeekHeader(header);
    if (!header.IsDataPdu() || header.GetSequenceNumber().GetValue() != m_nextAmPdu)
    {
        return 0;
    }
    m_nextAmPdu = (m_nextAmPdu + 1) & AM_SN_MASK;
    return rlcPdu.GetSize() - headerBytes;
}

void BearerTap::OnRlcPdu(const ns3::Packet& rlcPdu)
{
    if (m_retired)
    {
        return;
    }
    const uint32_t bytes = NewDataBytes(rlcPdu);
    if (bytes > 0)
    {
        CountSent(bytes);
        CountBurst(bytes);
    }
}

void BearerTap::CountSent(uint32_t bytes)
{
    const auto now = ns3::Simulator::Now();
    while (bytes > 0 && !m_buffer.empty())
    {
        auto& sdu = m_buffer.front();
        if (sdu.firstSent.IsZero())
        {
            sdu.firstSent = now;
            m_onAir.push_back({sdu.pdcpSn, now});
        }
        const uint32_t part = std::min(bytes, sdu.unsent_bytes);
        sdu.unsent_bytes -= part;
        m_bufferBytes -= part;
        bytes -= part;
        if (sdu.unsent_bytes == 0)
        {
            ++m_totals.rlcSdu;
            m_totals.rlcSduDelay_ns += (now - sdu.arrival).GetNanoSeconds();
            m_buffer.pop_front();
        }
    }
    if (m_buffer.empty())
    {
        m_totals.activeTime_ns += (now - m_busySince).GetNanoSeconds();
        m_busySince = ns3::Time::Max();
    }
}

void BearerTap::CountBurst(uint32_t bytes)
{
    const auto now = ns3::Simulator::Now();
    if (!m_inBurst)
    {
        m_inBurst = true;
        m_burstCountedTo = now;
    }
    else
    {
        m_totals.burst_bits += 8UL * m_pendingPiece_bytes;
        const auto pieceEnd = std::max(m_burstCountedTo, std::min(m_pieceStart + TTI, now));
        m_totals.burstTime_ns += (pieceEnd - m_burstCountedTo).GetNanoSeconds();
        m_burstCountedTo = pieceEnd;
    }
    m_pendingPiece_bytes = bytes;
    m_pieceStart = now;
    m_inBurst = !m_buffer.empty();
}

void BearerTap::OnDelivered(const ns3::Packet& pdcpPdu)
{
    ns3::LtePdcpHeader header;
    pdcpPdu.PeekHeader(header);
    const auto it = std::ranges::find(m_onAir, header.GetSequenceNumber(), &OnAir::pdcpSn);
    if (it == m_onAir.end())
    {
        return;
    }
    ++m_totals.airSdu;
    m_totals.airDelay_ns += (ns3::Simulator::Now() - it->firstSent).GetNanoSeconds();
    // Delivery is in order, so those before it are lost.
    m_onAir.erase(m_onAir.begin(), it + 1);
}

} // namespace slicebridge
