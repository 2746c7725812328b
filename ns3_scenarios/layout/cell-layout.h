// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LAYOUT_CELL_LAYOUT_H
#define SLICEBRIDGE_LAYOUT_CELL_LAYOUT_H

#include "layout/layout-config.h"

#include "ns3/random-variable-stream.h"
#include "ns3/rectangle.h"
#include "ns3/vector.h"

#include <cstddef>
#include <span>
#include <vector>

namespace slicebridge
{

/// Positions of the sites: those given, or the centre at the origin and hexagonal rings around it.
std::vector<ns3::Vector> SitePositions(const SiteConfig& sites);

/// Uniform position in the disc of half an inter-site distance around a site, but so far off it.
ns3::Vector DropInCell(const ns3::Vector& site,
                       double interSiteDistance_m,
                       double leastDistance_m,
                       double height_m,
                       ns3::UniformRandomVariable& random);

/// The rectangle that the cells cover: the sites with half an inter-site distance around them, and
/// every UE's initial position.
ns3::Rectangle CoveredArea(std::span<const ns3::Vector> sites,
                           std::span<const ns3::Vector> ues,
                           double interSiteDistance_m);

/// Index of the site nearest to a position.
std::size_t NearestSite(std::span<const ns3::Vector> sites, const ns3::Vector& position);

} // namespace slicebridge

#endif
