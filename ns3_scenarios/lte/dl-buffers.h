// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_DL_BUFFERS_H
#define SLICEBRIDGE_LTE_DL_BUFFERS_H

#include "ns3/ff-mac-common.h"
#include "ns3/ff-mac-sched-sap.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slicebridge
{

/// Logical channels 0 to 2 are signalling radio bearers (TS 36.331, 9.1.2).
constexpr uint8_t LAST_SIGNALLING_LCID = 2;

/**
 * Downlink RLC buffers of one UE as the scheduler believes them to be: the last report of each
 * logical channel, less what was granted since. RLC reports on arrival of an SDU and every 10 ms.
 */
class DlBuffers
{
  public:
    using RlcReport = ns3::FfMacSchedSapProvider::SchedDlRlcBufferReqParameters;
    using RlcPdus = std::vector<std::vector<ns3::RlcPduListElement_s>>; ///< [channel][layer]

    /// @param tti the next TTI to be scheduled
    void Report(const RlcReport& report, uint64_t tti);

    void Remove(uint8_t lcid);

    /// Bytes that signalling (data) needs, headers included.
    uint32_t SignallingBytes() const;
    uint32_t DataBytes() const;

    /// Age of the oldest data, in ms: as reported, and older by the TTIs since then. 0 if none.
    double DataHolDelay_ms(uint64_t tti) const;

    /**
     * Share transport blocks out to the channels that have something to send, and take that off
     * their buffers. Signalling gets what it needs, then data channels the rest in equal parts.
     * @param blocks_bytes one size per layer
     * @return one row per channel with something to send; sizes may be 0
     */
    RlcPdus Fill(const std::vector<uint16_t>& blocks_bytes);

  private:
    struct Channel
    {
        uint8_t id;
        uint32_t tx_bytes{};
        uint32_t retx_bytes{};
        uint32_t status_bytes{};
        uint32_t hol_ms{};
        uint64_t reportTti{};

        bool IsSignalling() const;
        uint32_t HeaderBytes() const;
        uint32_t Needed() const;
        void Take(uint32_t bytes);
    };

    uint32_t Needed(bool signalling) const;
    Channel& Find(uint8_t id);
    void FillLayer(uint32_t block_bytes, std::size_t layer, RlcPdus& pdus);

    std::vector<Channel> m_channels; ///< ascending id
};

} // namespace slicebridge

#endif
