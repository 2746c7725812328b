// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/lte-attachment.h"

#include "lte/lte-ran.h"
#include "traffic/traffic-network.h"

namespace slicebridge
{

namespace
{

ns3::Vector ToVector(const Position& position)
{
    return {position[0], position[1], position[2]};
}

LtePropagationConfig ToPropagation(const PropagationConfig& scenario)
{
    LtePropagationConfig propagation;
    propagation.jakesFading = scenario.fading == FadingModel::Jakes;
    switch (scenario.model)
    {
    case PropagationModel::Cost231:
        propagation.model = LtePropagationModel::Cost231;
        break;
    case PropagationModel::LogDistance:
        propagation.model = LtePropagationModel::LogDistance;
        propagation.exponent = scenario.exponent;
        propagation.referenceLoss_db = scenario.referenceLoss_db;
        break;
    case PropagationModel::ConstantLoss:
        propagation.model = LtePropagationModel::ConstantLoss;
        propagation.loss_db = scenario.loss_db.value();
        break;
    case PropagationModel::ConstantSinr:
        propagation.model = LtePropagationModel::ConstantSinr;
        propagation.sinr_db = scenario.sinr_db.value();
        break;
    }
    return propagation;
}

LteSiteConfig ToSites(const CellsConfig& cells)
{
    LteSiteConfig sites{.count = cells.count,
                        .interSiteDistance_m = cells.interSiteDistance_m,
                        .height_m = cells.height_m,
                        .positions_m = {},
                        .handover = cells.handover};
    for (const auto& position : cells.positions_m.value_or(std::vector<Position>{}))
    {
        sites.positions_m.push_back(ToVector(position));
    }
    return sites;
}

std::vector<LteUeConfig> ToUes(const Scenario& scenario)
{
    std::vector<LteUeConfig> ues;
    const auto ueSlice = scenario.UeSlice();
    const auto homeCell = scenario.UeHomeCell();
    std::size_t inSlice = 0;
    for (std::size_t ue = 0; ue < ueSlice.size(); ++ue)
    {
        inSlice = ue > 0 && ueSlice[ue] == ueSlice[ue - 1] ? inSlice + 1 : 0;
        LteUeConfig config{.slice = ueSlice[ue], .cell = homeCell[ue], .position_m = {}};
        if (const auto& positions = scenario.slices[ueSlice[ue]].positions_m)
        {
            config.position_m = ToVector((*positions)[inSlice]);
        }
        ues.push_back(config);
    }
    return ues;
}

LteRanConfig ToConfig(const Scenario& scenario)
{
    const auto& mobility = scenario.mobility;
    LteRanConfig config{
        .carrier = {.bandwidth_prb = scenario.carrier.bandwidth_prb,
                    .dlEarfcn = scenario.carrier.dlEarfcn,
                    .txPower_dbm = scenario.carrier.txPower_dbm,
                    .noiseFigureUe_db = scenario.carrier.noiseFigureUe_db},
        .sites = ToSites(scenario.cells),
        .propagation = ToPropagation(scenario.propagation),
        .mobility = {.randomWalk = mobility.model == MobilityModelKind::RandomWalk,
                     .minSpeed_mps = mobility.speed_mps.first,
                     .maxSpeed_mps = mobility.speed_mps.second,
                     .height_m = mobility.height_m},
        .du = {.compute_bps = scenario.du.compute_bps,
               .overhead_bytes = scenario.du.computeOverhead_bytes,
               .queue_packets = scenario.du.queue_packets},
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
        : m_ran(config)
    {
    }

    Ran& GetRan() override
    {
        return m_ran;
    }

    int32_t ServingCell(std::size_t ue) const override
    {
        return m_ran.ServingCell(ue);
    }

    ns3::Ptr<ns3::Node> SourceNode() const override
    {
        return m_ran.RemoteHost();
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
