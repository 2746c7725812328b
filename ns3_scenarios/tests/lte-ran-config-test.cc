// SPDX-License-Identifier: GPL-2.0-only
#include "lte/lte-ran-config.h"
#include "lte/qos-class.h"
#include "slicing/five-qi.h"

#include <functional>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace slicebridge
{
namespace
{

LteRanConfig Valid(std::size_t ues = 1)
{
    LteRanConfig config;
    config.slices.push_back({});
    config.slices[0].slice.name.push_back('a');
    config.slices[0].slice.policy = {0.0F, 1.0F, 1.0F};
    config.ues.resize(ues);
    return config;
}

std::string Refusal(const LteRanConfig& config)
{
    try
    {
        ValidateLteRanConfig(config);
    }
    catch (const std::invalid_argument& error)
    {
        return error.what();
    }
    return "";
}

TEST(LteRanConfig, TakesUpTo320UesPerCellAndNamesNrBeyond)
{
    EXPECT_EQ(Refusal(Valid(320)), "");
    const auto refusal = Refusal(Valid(321));
    EXPECT_NE(refusal.find("321"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("ran: nr"), std::string::npos) << refusal;
}

TEST(LteRanConfig, CountsUesOfOneCellOnly)
{
    auto config = Valid(400);
    config.sites.count = 2;
    for (std::size_t ue = 0; ue < 200; ++ue)
    {
        config.ues[ue].cell = 1;
    }
    EXPECT_EQ(Refusal(config), "");
    // Positions near the first site bring them all there.
    for (auto& ue : config.ues)
    {
        ue.position_m = ns3::Vector(10.0, 0.0, 1.5);
    }
    EXPECT_NE(Refusal(config).find("400 UEs"), std::string::npos);
}

TEST(LteRanConfig, NamesTheKeyThatIsWrong)
{
    const std::vector<std::pair<std::string, std::function<void(LteRanConfig&)>>> cases{
        {"carrier.bandwidth_prb", [](auto& c) { c.carrier.bandwidth_prb = 20; }},
        {"carrier.dl_earfcn", [](auto& c) { c.carrier.dlEarfcn = 40000; }},
        {"carrier.tx_power_dbm", [](auto& c) { c.carrier.txPower_dbm = NAN; }},
        {"cells.count", [](auto& c) { c.sites.count = 20; }},
        {"cells.positions_m", [](auto& c) { c.sites.positions_m.resize(2); }},
        {"cells.inter_site_distance_m", [](auto& c) { c.sites.interSiteDistance_m = 0.0; }},
        {"cells.height_m", [](auto& c) { c.sites.height_m = -1.0; }},
        {"mobility.speed_mps", [](auto& c) { c.mobility.maxSpeed_mps = 1.0; }},
        {"du.compute_bps", [](auto& c) { c.du.compute_bps = 0.0; }},
        {"du.queue_packets", [](auto& c) { c.du.queue_packets = 0; }},
        {"slices:", [](auto& c) { c.slices.clear(); }},
        {"slices.a.five_qi", [](auto& c) { c.slices[0].slice.fiveQi = 200; }},
        {"slices.*.policy", [](auto& c) { c.slices[0].slice.policy.min = 1.5F; }},
        {"slices.*.ues", [](auto& c) { c.ues.clear(); }},
        {"slices.*.ues", [](auto& c) { c.ues[0].slice = 1; }},
        {"slices.*.ues", [](auto& c) { c.ues[0].cell = 1; }},
    };
    for (const auto& [key, spoil] : cases)
    {
        auto config = Valid();
        spoil(config);
        const auto refusal = Refusal(config);
        EXPECT_EQ(refusal.rfind(key, 0), 0U) << "wanted " << key << ", got " << refusal;
        EXPECT_EQ(refusal.find('\n'), std::string::npos);
    }
}

/// ns-3's table is a source of its own; its 5 ms for QCI 79 are an error.
TEST(QosClass, BearersHaveTheCharacteristicsOfTheTableOf5Qis)
{
    std::size_t bearers = 0;
    for (const auto& row : FiveQiTable())
    {
        if (!HasBearer(row.fiveQi))
        {
            EXPECT_EQ(row.fiveQi, 10);
            continue;
        }
        ++bearers;
        const auto bearer = BearerOf(row.fiveQi);
        EXPECT_EQ(bearer.GetPacketDelayBudgetMs(), row.fiveQi == 79 ? 5 : row.delayBudget_ms)
            << int{row.fiveQi};
        EXPECT_DOUBLE_EQ(bearer.GetPacketErrorLossRate(), row.packetErrorRate) << int{row.fiveQi};
    }
    EXPECT_EQ(bearers, 31U);
    EXPECT_FALSE(HasBearer(11));
}

} // namespace
} // namespace slicebridge
