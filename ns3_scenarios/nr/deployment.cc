// SPDX-License-Identifier: GPL-2.0-only
#include "nr/deployment.h"

#include "layout/cell-layout.h"

#include "ns3/constant-position-mobility-model.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/random-variable-stream.h"
#include "ns3/random-walk-2d-mobility-model.h"
#include "ns3/rectangle.h"
#include "ns3/string.h"

namespace slicebridge::nr
{

namespace
{

constexpr double LEAST_DISTANCE_M = 10.0;
constexpr double TURN_AFTER_S = 10.0;

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

Deployment Deploy(const NrRanConfig& config, int64_t firstStream)
{
    const auto sites = SitePositions(config.sites);
    auto uniform = ns3::CreateObject<ns3::UniformRandomVariable>();
    uniform->SetStream(firstStream);
    Deployment deployment;
    std::vector<ns3::Vector> places;
    for (const auto& ue : config.ues)
    {
        // Drawn for every UE, so that giving one a position leaves the others where they are.
        const auto drawn = DropInCell(sites[ue.cell],
                                      config.sites.interSiteDistance_m,
                                      LEAST_DISTANCE_M,
                                      config.mobility.height_m,
                                      *uniform);
        places.push_back(ue.position_m.value_or(drawn));
        const double speed_mps =
            uniform->GetValue(config.mobility.minSpeed_mps, config.mobility.maxSpeed_mps);
        deployment.ueSpeed_mps.push_back(config.mobility.randomWalk ? speed_mps : 0.0);
    }
    for (const auto& site : sites)
    {
        deployment.cells.Add(
            MakeNode(ns3::CreateObject<ns3::ConstantPositionMobilityModel>(), site));
    }
    const auto area = CoveredArea(sites, places, config.sites.interSiteDistance_m);
    for (std::size_t i = 0; i < places.size(); ++i)
    {
        const double speed_mps = deployment.ueSpeed_mps[i];
        ns3::Ptr<ns3::MobilityModel> mobility =
            ns3::CreateObject<ns3::ConstantPositionMobilityModel>();
        if (speed_mps > 0.0)
        {
            mobility = MakeWalk(speed_mps, area, firstStream + 1 + 2 * static_cast<int64_t>(i));
        }
        deployment.ues.Add(MakeNode(mobility, places[i]));
    }
    return deployment;
}

} // namespace slicebridge::nr
