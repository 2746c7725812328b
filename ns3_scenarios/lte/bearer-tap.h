// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_BEARER_TAP_H
#define SLICEBRIDGE_LTE_BEARER_TAP_H

#include "lte/lte-ran-config.h"

#include "ns3/lte-mac-sap.h"
#include "ns3/lte-radio-bearer-info.h"
#include "ns3/lte-rlc-sap.h"
#include "ns3/nstime.h"
#include "ns3/packet.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace slicebridge
{

/// Running totals of the data bearers of one slice in one cell; SliceCounters explains them.
struct BearerTotals
{
    uint64_t pdcpSdu_bits{};
    uint64_t rlcSdu{};
    int64_t rlcSduDelay_ns{};
    uint64_t rlcSduDropped{};
    uint64_t airSdu{};
    int64_t airDelay_ns{};
    uint64_t burst_bits{};
    int64_t burstTime_ns{};
    int64_t activeTime_ns{}; ///< of finished busy periods; BearerTap::BusySince for those that last
};

/**
 * Listens at the service access points of one downlink data bearer in one cell: between PDCP and
 * RLC and between RLC and MAC at the eNB, and between RLC and PDCP at the UE. Calls go on
 * unchanged. It knows each SDU in the RLC buffer without a trace source (one virtual call in place
 * of a traced callback), and counts into the totals of its cell and slice.
 *
 * SDUs are followed by their place in the bearer: RLC sends them in the order in which PDCP gives
 * them, and a PDCP sequence number names each of them again at the UE.
 */
class BearerTap
{
  public:
    /// Receives SDUs that the RLC refused (`handover` false) or still held when the UE left.
    using DropHook = std::function<void(const ns3::Packet& pdcpPdu, bool handover)>;

    /**
     * @param enb the bearer at the eNB, with its RLC and PDCP made but not yet in use
     * @param mac what its RLC sends to
     */
    BearerTap(ns3::Ptr<ns3::LteDataRadioBearerInfo> enb,
              LteRlcMode mode,
              ns3::LteMacSapProvider* mac,
              BearerTotals& totals,
              DropHook dropped);
    ~BearerTap();
    BearerTap(const BearerTap&) = delete;
    BearerTap& operator=(const BearerTap&) = delete;

    /// The UE has set up its end.
    void ConnectUe(ns3::Ptr<ns3::LteDataRadioBearerInfo> ue);
    bool UeConnected() const;

    /// The UE has left: what the RLC buffer still holds is discarded, what is sent later ignored.
    void Retire();

    /// The cell has forgotten the UE: timers of both RLC ends are stopped.
    void Release();

    /// Of SDUs, or parts of them, that have not been sent yet.
    uint64_t BufferedBytes() const;
    /// Least bytes in a transmission opportunity that the RLC can use.
    uint32_t LeastOpportunity_bytes() const;
    /// Arrival of the oldest SDU in the RLC buffer; Time::Max() if there is none.
    ns3::Time OldestArrival() const;
    /// Since when there has been data in the RLC buffer; Time::Max() if there is none.
    ns3::Time BusySince() const;

  private:
    class PdcpToRlc;
    class RlcToMac;
    class RlcToPdcp;

    struct Sdu
    {
        ns3::Ptr<const ns3::Packet> pdcpPdu;
        uint32_t unsent_bytes;
        ns3::Time arrival;
        ns3::Time firstSent; ///< zero before any part of it was sent
        uint16_t pdcpSn;
    };

    struct OnAir
    {
        uint16_t pdcpSn;
        ns3::Time firstSent;
    };

    void OnPdcpPdu(ns3::LteRlcSapProvider::TransmitPdcpPduParameters& params);
    void OnRlcDrop(ns3::Ptr<const ns3::Packet> pdcpPdu);
    void OnRlcPdu(const ns3::Packet& rlcPdu);
    /// Bytes of new SDUs in an RLC PDU: none in control PDUs and repetitions.
    uint32_t NewDataBytes(const ns3::Packet& rlcPdu);
    void CountSent(uint32_t bytes);
    void CountBurst(uint32_t bytes);
    void OnDelivered(const ns3::Packet& pdcpPdu);

    LteRlcMode m_mode;
    BearerTotals& m_totals;
    DropHook m_dropped;
    ns3::Ptr<ns3::LteDataRadioBearerInfo> m_enb;
    ns3::Ptr<ns3::LteDataRadioBearerInfo> m_ue;
    std::unique_ptr<PdcpToRlc> m_pdcpToRlc;
    std::unique_ptr<RlcToMac> m_rlcToMac;
    std::unique_ptr<RlcToPdcp> m_rlcToPdcp;
    bool m_retired{false};
    bool m_released{false};
    bool m_refused{false}; ///< by the RLC, during the call that hands it an SDU

    std::deque<Sdu> m_buffer;
    uint64_t m_bufferBytes{};
    uint32_t m_statusBytes{}; ///< of the STATUS PDU that RLC AM wants to send
    ns3::Time m_busySince{ns3::Time::Max()};

    std::deque<OnAir> m_onAir; ///< SDUs sent but not yet seen at the UE, in bearer order
    uint16_t m_nextPdcpSn{};
    uint16_t m_nextAmPdu{};

    /// The burst under way (TS 28.552, 5.1.1.3.1). Its last piece does not count, and which is the
    /// last shows only when the buffer is empty: so each piece is counted when the next is sent.
    bool m_inBurst{false};
    uint32_t m_pendingPiece_bytes{};
    ns3::Time m_pieceStart;
    ns3::Time m_burstCountedTo;
};

} // namespace slicebridge

#endif
