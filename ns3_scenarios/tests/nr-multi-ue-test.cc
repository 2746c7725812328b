// SPDX-License-Identifier: GPL-2.0-only
//
// Many saturated UEs under proportional fair, against an independent simulator and a fair share.
#include "nr-ran-testbed.h"

#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace slicebridge::nr::testing
{
namespace
{

std::ifstream OpenData(const std::string& name)
{
    std::ifstream file(std::string(TEST_DATA_DIRECTORY) + "/" + name);
    EXPECT_TRUE(file) << name;
    return file;
}

struct Run
{
    std::vector<ns3::Vector> positions_m;
    double cellThroughput_mbps{};
};

/// The run with so many UEs of nr-multi-ue-pf.txt.
Run ReadRun(std::size_t ues)
{
    auto file = OpenData("nr-multi-ue-pf.txt");
    Run run;
    for (std::string line; std::getline(file, line);)
    {
        std::size_t count = 0;
        ns3::Vector position_m;
        double throughput_mbps = 0.0;
        if (std::istringstream(line) >> count >> position_m.x >> position_m.y >> position_m.z >>
                throughput_mbps &&
            count == ues)
        {
            run.positions_m.push_back(position_m);
            run.cellThroughput_mbps += throughput_mbps;
        }
    }
    return run;
}

/// SINR at 10 % per MCS of that simulator's error model, NrEesmIrT1, 51 PRB and 12 symbols.
std::vector<double> ReadErrorTable()
{
    auto file = OpenData("nr-t1-thresholds.csv");
    std::vector<double> table_db;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line))
    {
        table_db.push_back(std::stod(line.substr(line.find(',') + 1)));
    }
    return table_db;
}

/// The reference's variant A: UMa, no line of sight, neither shadowing nor fading.
NrRanConfig Cell(const std::vector<ns3::Vector>& positions_m)
{
    NrRanConfig config = ConstantSinr(0.0);
    config.propagation.model = PropagationModel::Uma;
    config.propagation.lineOfSight = LineOfSight::Never;
    config.propagation.shadowing = false;
    config.carrier.txPower_dbm = 30.0;
    config.carrier.noiseFigureUe_db = 5.0;
    config.carrier.rbgSize_prb = 1;
    config.ues.clear();
    for (const auto& position_m : positions_m)
    {
        config.ues.push_back({.slice = 0, .cell = 0, .position_m = position_m});
    }
    return config;
}

/// [ue] saturated, after half a second.
std::vector<double> Rates_mbps(const NrRanConfig& config)
{
    constexpr double MEASURED_S = 2.0;
    const std::size_t count = config.ues.size();
    std::vector<uint32_t> ues(count);
    std::iota(ues.begin(), ues.end(), 0U);
    Testbed bed(config);
    bed.Saturate(ues, count > 1 ? 1 : 8);
    bed.Run(0.5);
    const auto before = bed.deliveredBytes;
    bed.Run(MEASURED_S);
    std::vector<double> rates_mbps;
    for (std::size_t ue = 0; ue < count; ++ue)
    {
        rates_mbps.push_back(8e-6 * static_cast<double>(bed.deliveredBytes[ue] - before[ue]) /
                             MEASURED_S);
    }
    return rates_mbps;
}

class NrMultiUe : public ::testing::TestWithParam<std::size_t>
{
};

INSTANTIATE_TEST_SUITE_P(Ues, NrMultiUe, ::testing::Values(10, 20));

/// The other simulator leaves resources idle beside repetitions, hence the one-sided interval.
TEST_P(NrMultiUe, CellThroughputWithAnIndependentSimulatorsErrorTableIsAtLeastItsOwn)
{
    const auto run = ReadRun(GetParam());
    auto config = Cell(run.positions_m);
    config.carrier.errorTable_db = ReadErrorTable();
    const auto rates_mbps = Rates_mbps(config);
    const double ratio =
        std::reduce(rates_mbps.begin(), rates_mbps.end()) / run.cellThroughput_mbps;
    RecordProperty("ratio", std::to_string(ratio));
    EXPECT_GE(ratio, 1.0);
    EXPECT_LE(ratio, 1.2);
}

TEST_P(NrMultiUe, EachHasItsFairShareOfWhatItWouldHaveAlone)
{
    const auto run = ReadRun(GetParam());
    const auto rates_mbps = Rates_mbps(Cell(run.positions_m));
    double sum = 0.0;
    for (std::size_t ue = 0; ue < rates_mbps.size(); ++ue)
    {
        const double alone_mbps = Rates_mbps(Cell({run.positions_m[ue]}))[0];
        sum += rates_mbps[ue] / (alone_mbps / static_cast<double>(rates_mbps.size()));
    }
    const double mean = sum / static_cast<double>(rates_mbps.size());
    EXPECT_GE(mean, 0.95);
    EXPECT_LE(mean, 1.10);
}

} // namespace
} // namespace slicebridge::nr::testing
