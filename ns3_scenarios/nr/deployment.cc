// SPDX-License-Identifier: GPL-2.0-only
#include "nr/deployment.h"

#include "ns3/constant-position-mobility-model.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/random-variable-stream.h"
#include "ns3/random-walk-2d-mobility-model.h"
#include "ns3/rectangle.h"
#include "ns3/string.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace slicebridge::nr
{

namespace
{

constexpr double LEAST_DISTANCE_M = 10.0;
constexpr double TURN_AFTER_S = 10.0;

ns3::Rectangle AreaAround(const std::vector<ns3::Vector>& sites, double margin_m)
{
    ns3::Rectangle area{sites[0].x, sites[0].x, sites[0].y, sites[0].y};
    for (const auto& site : sites)
    {
        area.xMin = std::min(area.xMin, site.x);
        area.xMax = std::max(area.xMax, site.x);
        area.yMin = std::min(area.yMin, site.y);
        area.yMax = std::max(area.yMax, site.y);
    }
    return {area.xMin - margin_m, area.xMax + margin_m, area.yMin - margin_m, area.yMax + margin_m};
}

ns3::Vector DrawPosition(const ns3::Vector& site,
                         double radius_m,
                         double height_m,
                         ns3::UniformRandomVariable& uniform)
{
    const double least = LEAST_DISTANCE_M / radius_m;
    const double distance = radius_m * std::sqrt(uniform.GetValue(least * least, 1.0));
    const double angle = uniform.GetValue(0.0, 2.0 * std::numbers::pi);
    return {site.x + distance * std::cos(angle), site.y + distance * std::sin(angle), height_m};
}

ns3::Ptr<ns3::MobilityModel> MakeWalk(double speed_mps, const ns3::Rectangle& area, int64_t stream)
{
    auto walk = ns3::CreateObject<ns3::RandomWalk2dMobilityModel>();
    walk->SetAttribute("Mode", ns3::EnumValue(ns3::RandomWalk2dMobilityModel::MODE_TIME));
    walk->SetAttribute("Time", ns3::TimeValue(ns3::Seconds(TURN_AFTER_S)));
    walk->SetAttribute("Bounds", ns3::RectangleValue(area));
    walk->SetAttribute("Speed",
                       ns3::StringValue("ns3::ConstantRandomVariable[Constant=" +
                                        std::to_string(speed_mps) + "]"));
    walk->AssignStreams(stream);
    return walk;
}

ns3::Ptr<ns3::Node> MakeNode(ns3::Ptr<ns3::MobilityModel> mobility, const ns3::Vector& position_m)
{
    auto node = ns3::CreateObject<ns3::Node>();
    mobility->SetPosition(position_m);
    node->AggregateObject(mobility);
    node->Initialize();
    return node;
}

} // namespace

std::vector<ns3::Vector> SitePositions(const SiteConfig& sites)
{
    if (!sites.positions_m.empty())
    {
        return sites.positions_m;
    }
    // Ring r has 6 r sites: from each corner of the hexagon, r steps along the side.
    std::vector<ns3::Vector> positions{{0.0, 0.0, sites.height_m}};
    for (int ring = 1; positions.size() < sites.count; ++ring)
    {
        for (int corner = 0; corner < 6; ++corner)
        {
            const double from = corner * std::numbers::pi / 3.0;
            const double along = from + 2.0 * std::numbers::pi / 3.0;
            for (int step = 0; step < ring && positions.size() < sites.count; ++step)
            {
                positions.emplace_back(
                    sites.interSiteDistance_m * (ring * std::cos(from) + step * std::cos(along)),
                    sites.interSiteDistance_m * (ring * std::sin(from) + step * std::sin(along)),
                    sites.height_m);
            }
        }
    }
    return positions;
}

Deployment Deploy(const NrRanConfig& config, int64_t firstStream)
{
    const auto sites = SitePositions(config.sites);
    const double radius_m = config.sites.interSiteDistance_m / 2.0;
    const auto area = AreaAround(sites, radius_m);
    auto uniform = ns3::CreateObject<ns3::UniformRandomVariable>();
    uniform->SetStream(firstStream);

    Deployment deployment;
    for (const auto& site : sites)
    {
        deployment.cells.Add(
            MakeNode(ns3::CreateObject<ns3::ConstantPositionMobilityModel>(), site));
    }
    for (std::size_t i = 0; i < config.ues.size(); ++i)
    {
        const auto& ue = config.ues[i];
        // Drawn for every UE, so that giving one a position leaves the others where they are.
        const auto drawn =
            DrawPosition(sites[ue.cell], radius_m, config.mobility.height_m, *uniform);
        const double speed =
            uniform->GetValue(config.mobility.minSpeed_mps, config.mobility.maxSpeed_mps);
        const bool walks = config.mobility.randomWalk && speed > 0.0;
        ns3::Ptr<ns3::MobilityModel> mobility;
        if (walks)
        {
            mobility = MakeWalk(speed, area, firstStream + 1 + 2 * static_cast<int64_t>(i));
        }
        else
        {
            mobility = ns3::CreateObject<ns3::ConstantPositionMobilityModel>();
        }
        deployment.ues.Add(MakeNode(mobility, ue.position_m.value_or(drawn)));
        deployment.ueSpeed_mps.push_back(walks ? speed : 0.0);
    }
    return deployment;
}

} // namespace slicebridge::nr
