// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LAYOUT_LAYOUT_CONFIG_H
#define SLICEBRIDGE_LAYOUT_LAYOUT_CONFIG_H

#include "ns3/vector.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace slicebridge
{

/// Sites of the cells.
struct SiteConfig
{
    uint32_t count{1};                    ///< 1 .. 19, on hexagonal rings around the first
    double interSiteDistance_m{500.0};    ///< > 0
    double height_m{25.0};                ///< > 0
    std::vector<ns3::Vector> positions_m; ///< empty, or `count` of them in place of the rings
    bool handover{true};                  ///< event A3, if there are several cells
};

/// How UEs move.
struct UeMobilityConfig
{
    bool randomWalk{true}; ///< inside the rectangle that the cells cover; else UEs stand still
    double minSpeed_mps{10.0};
    double maxSpeed_mps{20.0}; ///< uniform over UEs
    double height_m{1.5};
};

/// One UE of a network.
struct UeConfig
{
    uint32_t slice{}; ///< index in the network's slices
    uint32_t cell{};  ///< it is placed in this cell's area, uniformly, unless it has a position
    std::optional<ns3::Vector> position_m;
};

} // namespace slicebridge

#endif
