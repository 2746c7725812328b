// SPDX-License-Identifier: GPL-2.0-only
#include "layout/cell-layout.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace slicebridge
{
namespace
{

TEST(CellLayout, SitesAreHexagonalNeighbours)
{
    SiteConfig sites;
    sites.count = 19;
    sites.interSiteDistance_m = 500.0;
    const auto positions = SitePositions(sites);
    ASSERT_EQ(positions.size(), 19U);
    for (std::size_t i = 1; i < 19; ++i)
    {
        const double radius = ns3::CalculateDistance(positions[0], positions[i]);
        EXPECT_GE(radius, i < 7 ? 499.9 : 860.0);
        EXPECT_LE(radius, i < 7 ? 500.1 : 1000.1);
        for (std::size_t j = 0; j < i; ++j)
        {
            EXPECT_GE(ns3::CalculateDistance(positions[i], positions[j]), 499.9);
        }
    }
}

TEST(CellLayout, UesAreDroppedWithinTheirCell)
{
    auto random = ns3::CreateObject<ns3::UniformRandomVariable>();
    random->SetStream(1);
    const ns3::Vector site(100.0, -50.0, 25.0);
    for (int i = 0; i < 1000; ++i)
    {
        const auto place = DropInCell(site, 500.0, 20.0, 1.5, *random);
        const double distance = std::hypot(place.x - site.x, place.y - site.y);
        EXPECT_GE(distance, 20.0 - 1e-9);
        EXPECT_LE(distance, 250.0 + 1e-9);
        EXPECT_EQ(place.z, 1.5);
    }
}

/// A walk that begins outside its rectangle would end ns-3.
TEST(CellLayout, TheAreaHoldsEveryUeHoweverFarItWasPlaced)
{
    const std::vector<ns3::Vector> sites{{0.0, 0.0, 25.0}, {500.0, 0.0, 25.0}};
    const std::vector<ns3::Vector> ues{{10.0, 20.0, 1.5}, {-4000.0, 900.0, 1.5}};
    const auto area = CoveredArea(sites, ues, 500.0);
    for (const auto& ue : ues)
    {
        EXPECT_TRUE(area.IsInside(ue));
    }
    EXPECT_LE(area.xMin, -4000.0);
    EXPECT_EQ(area.xMax, 750.0);
    EXPECT_EQ(area.yMin, -250.0);
    EXPECT_GE(area.yMax, 900.0);
}

TEST(CellLayout, TheNearestSiteIsTheNearest)
{
    const std::vector<ns3::Vector> sites{{0.0, 0.0, 25.0}, {500.0, 0.0, 25.0}};
    EXPECT_EQ(NearestSite(sites, {240.0, 90.0, 1.5}), 0U);
    EXPECT_EQ(NearestSite(sites, {260.0, 90.0, 1.5}), 1U);
}

} // namespace
} // namespace slicebridge
