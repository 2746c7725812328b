// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/lte-attachment.h"

#include "lte/lte-ran.h"
#include "lte/tb-table.h"
#include "scenarios/placement.h"
#include "traffic/traffic-network.h"

#include "ns3/point-to-point-helper.h"

namespace slicebridge
{

namespace
{

LtePropagationConfig ToPropagation(const LteRadio::Propagation& scenario)
{
    using enum LteRadio::PropagationModel;
    LtePropagationConfig propagation;
    propagation.jakesFading = scenario.fading == LteRadio::FadingModel::Jakes;
    switch (scenario.model)
    {
    case Cost231:
        propagation.model = LtePropagationModel::Cost231;
        break;
    case LogDistance:
        propagation.model = LtePropagationModel::LogDistance;
        propagation.exponent = scenario.exponent;
        propagation.referenceLoss_db = scenario.referenceLoss_db;
        break;
    case ConstantLoss:
        propagation.model = LtePropagationModel::ConstantLoss;
        propagation.loss_db = scenario.loss_db.value();
        break;
    case ConstantSinr:
        propagation.model = LtePropagationModel::ConstantSinr;
        propagation.sinr_db = scenario.sinr_db.value();
        break;
    }
    return propagation;
}

LteRanConfig ToConfig(const Scenario& scenario)
{
    const auto& [carrier, propagation] = std::get<LteRadio>(scenario.radio);
    LteRanConfig config{
        .carrier = {.bandwidth_prb = carrier.bandwidth_prb,
                    .dlEarfcn = carrier.dlEarfcn,
                    .txPower_dbm = carrier.txPower_dbm,
                    .noiseFigureUe_db = carrier.noiseFigureUe_db},
        .sites = ToSites(scenario.cells),
        .propagation = ToPropagation(propagation),
        .mobility = ToMobility(scenario.mobility),
        .du = scenario.du,
        .slices = {},
        .ues = ToUes(scenario),
    };
    for (const auto& slice : scenario.slices)
    {
        config.slices.push_back({.slice = slice.slice,
                                 .rlc = slice.rlc == RlcMode::Um ? LteRlcMode::Unacknowledged
                                                                 : LteRlcMode::Acknowledged});
    }
    return config;
}

class LteAttachment : public RanAttachment
{
  public:
    explicit LteAttachment(const LteRanConfig& config)
        : m_ran(config),
          m_bandwidth_prb(config.carrier.bandwidth_prb)
    {
    }

    Ran& GetRan() override
    {
        return m_ran;
    }

    ns3::Time Tti() const override
    {
        return ns3::MilliSeconds(1);
    }

    int32_t ServingCell(std::size_t ue) const override
    {
        return m_ran.ServingCell(ue);
    }

    ns3::Ptr<ns3::Node> SourceNode() const override
    {
        return m_ran.RemoteHost();
    }

    bool ReportsAirLosses() const override
    {
        return false;
    }

    SlotGrid Grid() const override
    {
        return {.slot = Tti(), .prbs = m_bandwidth_prb, .rbg_prbs = RbgSizeOf(m_bandwidth_prb)};
    }

    void ObserveSlots(SlotObserver* observer) override
    {
        m_ran.SetSlotObserver(observer);
    }

    void CapturePackets(const std::string& prefix) override
    {
        ns3::PointToPointHelper().EnablePcapAll(prefix);
    }

    std::vector<PacketOutlet> Connect(PacketLedger& ledger) override
    {
        m_ran.SetDropCallback([&ledger](const ns3::Packet& packet, LteDropCause)
                              { ledger.OnQueueDrop(packet); });
        std::vector<ns3::Ipv4Address> addresses;
        for (std::size_t ue = 0; ue < m_ran.UeCount(); ++ue)
        {
            InstallSink(m_ran.UeNode(ue), ledger);
            addresses.push_back(m_ran.UeAddress(ue));
        }
        return MakeUdpOutlets(m_ran.RemoteHost(), addresses, ledger);
    }

  private:
    LteRan m_ran;
    uint32_t m_bandwidth_prb;
};

} // namespace

std::unique_ptr<RanAttachment> MakeLteRan(const Scenario& scenario,
                                          const std::function<void()>& setUserDefaults)
{
    const auto config = ToConfig(scenario);
    ValidateLteRanConfig(config);
    SetLteDefaults(config);
    setUserDefaults();
    return std::make_unique<LteAttachment>(config);
}

} // namespace slicebridge
