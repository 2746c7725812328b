// SPDX-License-Identifier: GPL-2.0-only
// CPU time of a cell of 20 saturated UEs under the sliced scheduler, with one slice and rule pf,
// over that under ns-3's own PfFfMacScheduler. Runs alternate; the medians count. Prints JSON.
#include "lte-scheduler-testbed.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace slicebridge::testing
{
namespace
{

double UserCpu_s()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec);
}

/// User CPU seconds of two simulated seconds, after the UEs have connected.
double Measure_s(const std::string& scheduler)
{
    TestbedConfig config;
    config.scheduler = scheduler;
    config.slices = {SliceWith(0.0F, 1.0F, 1.0F)};
    config.speed_mps = 3.0;
    config.spy = false;
    config.ues = UesOf(0, 20, 50.0, 100.0);
    Testbed bed(config);
    bed.Run(0.5);
    const double start_s = UserCpu_s();
    bed.Run(2.5);
    return UserCpu_s() - start_s;
}

double Median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

} // namespace
} // namespace slicebridge::testing

int main(int argc, char** argv)
{
    using namespace slicebridge::testing;
    const int runs = argc > 1 ? std::atoi(argv[1]) : 7;
    if (runs < 1)
    {
        std::cerr << "usage: lte-pf-bench [RUNS]\n";
        return 2;
    }
    std::vector<double> stock_s;
    std::vector<double> ours_s;
    for (int run = 0; run < runs; ++run)
    {
        stock_s.push_back(Measure_s(STOCK_PF));
        ours_s.push_back(Measure_s(SLICED));
    }
    std::cout << "{\"stock_cpu_s\": " << Median(stock_s) << ", \"sliced_cpu_s\": " << Median(ours_s)
              << ", \"ratio\": " << Median(ours_s) / Median(stock_s) << ", \"runs\": " << runs
              << "}\n";
}
