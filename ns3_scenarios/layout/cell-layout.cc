// SPDX-License-Identifier: GPL-2.0-only
#include "layout/cell-layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace slicebridge
{

std::vector<ns3::Vector> SitePositions(const SiteConfig& sites)
{
    if (!sites.positions_m.empty())
    {
        return sites.positions_m;
    }
    // Steps along the six sides of a hexagonal ring, in axial coordinates.
    constexpr std::array<std::array<int, 2>, 6> SIDES{
        {{-1, 1}, {-1, 0}, {0, -1}, {1, -1}, {1, 0}, {0, 1}}};
    std::vector<std::array<int, 2>> axial{{0, 0}};
    for (int ring = 1; axial.size() < sites.count; ++ring)
    {
        std::array<int, 2> at{ring, 0};
        for (const auto& side : SIDES)
        {
            for (int step = 0; step < ring; ++step)
            {
                axial.push_back(at);
                at = {at[0] + side[0], at[1] + side[1]};
            }
        }
    }
    std::vector<ns3::Vector> positions;
    for (std::size_t i = 0; i < sites.count; ++i)
    {
        const double x = sites.interSiteDistance_m * (axial[i][0] + 0.5 * axial[i][1]);
        const double y = sites.interSiteDistance_m * 0.5 * std::numbers::sqrt3 * axial[i][1];
        positions.emplace_back(x, y, sites.height_m);
    }
    return positions;
}

ns3::Vector DropInCell(const ns3::Vector& site,
                       double interSiteDistance_m,
                       double leastDistance_m,
                       double height_m,
                       ns3::UniformRandomVariable& random)
{
    const double outer = std::max(0.5 * interSiteDistance_m, leastDistance_m);
    const double radius =
        std::sqrt(random.GetValue(leastDistance_m * leastDistance_m, outer * outer));
    const double angle = random.GetValue(0.0, 2.0 * std::numbers::pi);
    return {site.x + radius * std::cos(angle), site.y + radius * std::sin(angle), height_m};
}

ns3::Rectangle CoveredArea(std::span<const ns3::Vector> sites,
                           std::span<const ns3::Vector> ues,
                           double interSiteDistance_m)
{
    const double margin = 0.5 * interSiteDistance_m;
    ns3::Rectangle area(sites[0].x, sites[0].x, sites[0].y, sites[0].y);
    const auto cover = [&area](const ns3::Vector& position, double around)
    {
        area.xMin = std::min(area.xMin, position.x - around);
        area.xMax = std::max(area.xMax, position.x + around);
        area.yMin = std::min(area.yMin, position.y - around);
        area.yMax = std::max(area.yMax, position.y + around);
    };
    for (const auto& site : sites)
    {
        cover(site, margin);
    }
    for (const auto& ue : ues)
    {
        cover(ue, 1.0);
    }
    return area;
}

std::size_t NearestSite(std::span<const ns3::Vector> sites, const ns3::Vector& position)
{
    const auto nearest = std::ranges::min_element(
        sites,
        {},
        [&position](const auto& site) { return ns3::CalculateDistance(site, position); });
    return static_cast<std::size_t>(nearest - sites.begin());
}

} // namespace slicebridge
