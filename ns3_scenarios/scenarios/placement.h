// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_PLACEMENT_H
#define SLICEBRIDGE_SCENARIOS_PLACEMENT_H

#include "layout/layout-config.h"
#include "scenarios/scenario.h"

#include "ns3/vector.h"

#include <vector>

namespace slicebridge
{

inline ns3::Vector ToVector(const Position& position)
{
    return {position[0], position[1], position[2]};
}

inline SiteConfig ToSites(const CellsConfig& cells)
{
    SiteConfig sites{.count = cells.count,
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

inline UeMobilityConfig ToMobility(const MobilityConfig& mobility)
{
    return {.randomWalk = mobility.model == MobilityModelKind::RandomWalk,
            .minSpeed_mps = mobility.speed_mps.first,
            .maxSpeed_mps = mobility.speed_mps.second,
            .height_m = mobility.height_m};
}

/// The UEs of a scenario, in its order.
inline std::vector<UeConfig> ToUes(const Scenario& scenario)
{
    std::vector<UeConfig> ues;
    const auto ueSlice = scenario.UeSlice();
    const auto homeCell = scenario.UeHomeCell();
    std::size_t inSlice = 0;
    for (std::size_t ue = 0; ue < ueSlice.size(); ++ue)
    {
        inSlice = ue > 0 && ueSlice[ue] == ueSlice[ue - 1] ? inSlice + 1 : 0;
        UeConfig config{.slice = ueSlice[ue], .cell = homeCell[ue], .position_m = {}};
        if (const auto& positions = scenario.slices[ueSlice[ue]].positions_m)
        {
            config.position_m = ToVector((*positions)[inSlice]);
        }
        ues.push_back(config);
    }
    return ues;
}

} // namespace slicebridge

#endif
