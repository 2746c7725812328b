// SPDX-License-Identifier: GPL-2.0-only
#include "fuzz/targets.h"

#include <cstddef>
#include <filesystem>
#include <fstream>

/// libFuzzer's hook before it reads its corpus: the target's own seeds are put into the first one.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv)
{
    const std::filesystem::path corpus(FUZZ_TARGET "-corpus");
    std::filesystem::create_directories(corpus);
    int number = 0;
    for (const auto& seed : slicebridge::FindFuzzTarget(FUZZ_TARGET).seeds())
    {
        std::ofstream(corpus / ("seed-" + std::to_string(number++)), std::ios::binary) << seed;
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static const auto run = slicebridge::FindFuzzTarget(FUZZ_TARGET).run;
    run({data, size});
    return 0;
}
