// SPDX-License-Identifier: GPL-2.0-only
#include "lte/lte-ran.h"

#include "ns3/boolean.h"
#include "ns3/config.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/lte-amc.h"
#include "ns3/nstime.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <array>

namespace slicebridge
{

namespace
{

/// Least sounding period that has room for so many UEs (TS 36.213, table 8.2-1).
uint32_t SrsPeriod_ms(std::size_t ues)
{
    constexpr std::array<uint32_t, 5> PERIODS_MS{20, 40, 80, 160, 320};
    const auto period =
        std::ranges::find_if(PERIODS_MS, [ues](uint32_t period_ms) { return period_ms >= ues; });
    return period == PERIODS_MS.end() ? PERIODS_MS.back() : *period;
}

} // namespace

void SetLteDefaults(const LteRanConfig& config)
{
    using ns3::BooleanValue;
    using ns3::DoubleValue;
    using ns3::TimeValue;
    using ns3::UintegerValue;
    using ns3::Config::SetDefault;

    // 5QI 80 and above exist in release 18 only.
    SetDefault("ns3::EpsBearer::Release", UintegerValue(18));
    // Any UE may come to any cell.
    SetDefault("ns3::LteEnbRrc::SrsPeriodicity", UintegerValue(SrsPeriod_ms(config.ues.size())));
    // Half a second at 20 Mbit/s; ns-3's own 10 KiB are 4 ms.
    constexpr uint32_t RLC_BUFFER_BYTES = 1'250'000;
    SetDefault("ns3::LteRlcUm::MaxTxBufferSize", UintegerValue(RLC_BUFFER_BYTES));
    SetDefault("ns3::LteRlcAm::MaxTxBufferSize", UintegerValue(RLC_BUFFER_BYTES));
    SetDefault("ns3::LteRlcUm::EnablePdcpDiscarding", BooleanValue(false));
    // Both timers outlast HARQ (TS 36.331, 9.2.1.1, has 35 ms and 45 ms); ns-3's 10 ms and 20 ms
    // make RLC AM repeat what HARQ is still delivering, its 100 ms make RLC UM wait for what is
    // lost.
    SetDefault("ns3::LteRlcAm::ReorderingTimer", TimeValue(ns3::MilliSeconds(35)));
    SetDefault("ns3::LteRlcAm::PollRetransmitTimer", TimeValue(ns3::MilliSeconds(45)));
    SetDefault("ns3::LteRlcUm::ReorderingTimer", TimeValue(ns3::MilliSeconds(50)));
    // ns-3's RLC AM cannot re-segment a PDU, so a UE whose channel got worse would be stuck.
    SetDefault("ns3::LteRlcAm::TxOpportunityForRetxAlwaysBigEnough", BooleanValue(true));
    // After a radio link failure ns-3 does not set the data bearer up again.
    SetDefault("ns3::LteUePhy::EnableRlfDetection", BooleanValue(false));
    // For the same reason a handover gets time: its random access may need several attempts.
    SetDefault("ns3::LteEnbRrc::HandoverJoiningTimeoutDuration", TimeValue(ns3::Seconds(1)));
    SetDefault("ns3::LteEnbRrc::HandoverLeavingTimeoutDuration", TimeValue(ns3::Seconds(2)));
    // Power class 3 (TS 36.101, table 6.2.2-1).
    SetDefault("ns3::LteUePhy::TxPower", DoubleValue(23.0));
    SetDefault("ns3::LteUePowerControl::Pcmax", DoubleValue(23.0));
}

} // namespace slicebridge
