// SPDX-License-Identifier: GPL-2.0-only
#include "lte/lte-ran-config.h"

#include "layout/cell-layout.h"
#include "lte/qos-class.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

namespace slicebridge
{

namespace
{

/// The longest sounding period is 320 ms, with one UE per ms (TS 36.213, table 8.2-1).
constexpr std::size_t MAX_UES_PER_CELL = 320;
constexpr uint32_t MAX_CELLS = 19;
constexpr std::size_t MAX_SLICES = 8;

void Require(bool condition, const std::string& message)
{
    if (!condition)
    {
        throw std::invalid_argument(message);
    }
}

bool IsPositive(double value)
{
    return std::isfinite(value) && value > 0.0;
}

void ValidateCarrier(const LteCarrierConfig& carrier)
{
    constexpr std::array<uint32_t, 6> BANDWIDTHS{6, 15, 25, 50, 75, 100};
    // FDD bands whose uplink EARFCN is the downlink's plus 18000, as far as ns-3 has them: up
    // to 21.
    constexpr uint32_t MAX_DL_EARFCN = 6599;
    Require(std::ranges::find(BANDWIDTHS, carrier.bandwidth_prb) != BANDWIDTHS.end(),
            std::string{"carrier.bandwidth_prb: "} + std::to_string(carrier.bandwidth_prb) +
                " (allowed: 6, 15, 25, 50, 75, 100)");
    Require(carrier.dlEarfcn <= MAX_DL_EARFCN,
            std::string{"carrier.dl_earfcn: "} + std::to_string(carrier.dlEarfcn) +
                " (allowed: 0 .. 6599)");
    Require(std::isfinite(carrier.txPower_dbm), "carrier.tx_power_dbm: not a number");
    Require(std::isfinite(carrier.noiseFigureUe_db), "carrier.noise_figure_ue_db: not a number");
}

void ValidateSites(const SiteConfig& sites)
{
    Require(sites.count >= 1 && sites.count <= MAX_CELLS,
            std::string{"cells.count: "} + std::to_string(sites.count) + " (allowed: 1 .. 19)");
    Require(sites.positions_m.empty() || sites.positions_m.size() == sites.count,
            std::string{"cells.positions_m: "} + std::to_string(sites.positions_m.size()) +
                " positions (allowed: cells.count of them, or null)");
    Require(IsPositive(sites.interSiteDistance_m), "cells.inter_site_distance_m: must be above 0");
    Require(IsPositive(sites.height_m), "cells.height_m: must be above 0");
}

void ValidateMobility(const UeMobilityConfig& mobility)
{
    Require(IsPositive(mobility.height_m), "mobility.height_m: must be above 0");
    Require(!mobility.randomWalk ||
                (mobility.minSpeed_mps >= 0.0 && std::isfinite(mobility.maxSpeed_mps) &&
                 mobility.maxSpeed_mps >= mobility.minSpeed_mps),
            "mobility.speed_mps: must be [least, greatest], not below 0");
}

void ValidateDu(const DuConfig& du)
{
    Require(IsPositive(du.compute_bps), "du.compute_bps: must be above 0");
    Require(du.queue_packets >= 1, "du.queue_packets: must be at least 1");
}

void ValidateSlices(const std::vector<LteSliceConfig>& slices)
{
    Require(!slices.empty() && slices.size() <= MAX_SLICES,
            std::string{"slices: "} + std::to_string(slices.size()) + " of them (allowed: 1 .. 8)");
    std::vector<RrmPolicyRatio> policies;
    for (const auto& [slice, rlc] : slices)
    {
        Require(HasBearer(slice.fiveQi),
                std::string{"slices."} + slice.name + std::string{".five_qi: "} +
                    std::to_string(slice.fiveQi) +
                    " (allowed: 1 .. 9, 65 .. 67, 69 .. 76, 79, 80, 82 .. 90)");
        policies.push_back(slice.policy);
    }
    Require(IsFeasible(policies),
            "slices.*.policy: needs 0 <= dedicated <= min <= max <= 1 and a sum of min up to 1");
}

void ValidateUes(const LteRanConfig& config)
{
    Require(!config.ues.empty(), "slices.*.ues: there is no UE (allowed: 1 ..)");
    const auto sites = SitePositions(config.sites);
    std::vector<std::size_t> perCell(config.sites.count);
    for (const auto& ue : config.ues)
    {
        Require(ue.slice < config.slices.size(), "slices.*.ues: a UE's slice does not exist");
        Require(ue.cell < config.sites.count, "slices.*.ues: a UE's cell does not exist");
        const bool byPosition = ue.position_m && !IsConstant(config.propagation.model);
        ++perCell[byPosition ? NearestSite(sites, *ue.position_m) : ue.cell];
    }
    const auto most = *std::ranges::max_element(perCell);
    Require(most <= MAX_UES_PER_CELL,
            std::string{"slices.*.ues: "} + std::to_string(most) +
                " UEs in one cell, but LTE has sounding reference signals for 320 "
                "(allowed: up to 320 per cell, or `ran: nr`)");
}

} // namespace

bool IsConstant(LtePropagationModel model)
{
    return model == LtePropagationModel::ConstantLoss || model == LtePropagationModel::ConstantSinr;
}

void ValidateLteRanConfig(const LteRanConfig& config)
{
    ValidateCarrier(config.carrier);
    ValidateSites(config.sites);
    ValidateMobility(config.mobility);
    ValidateDu(config.du);
    ValidateSlices(config.slices);
    ValidateUes(config);
}

} // namespace slicebridge
