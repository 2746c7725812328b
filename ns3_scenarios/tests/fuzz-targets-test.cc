// SPDX-License-Identifier: GPL-2.0-only
#include "fuzz/targets.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <malloc.h>
#include <new>
#include <random>

namespace
{

// Memory is counted in operator new. AddressSanitizer has its own, and a limit of its own.
#ifndef __SANITIZE_ADDRESS__
std::size_t g_held = 0;
std::size_t g_peak = 0;
#endif

} // namespace

#ifndef __SANITIZE_ADDRESS__
// Inlined, they would look mismatched to the compiler.
[[gnu::noinline]] void* operator new(std::size_t size)
{
    void* memory = std::malloc(size);
    if (memory == nullptr)
    {
        throw std::bad_alloc();
    }
    g_held += malloc_usable_size(memory);
    g_peak = std::max(g_peak, g_held);
    return memory;
}

[[gnu::noinline]] void operator delete(void* memory) noexcept
{
    g_held -= malloc_usable_size(memory);
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept
{
    operator delete(memory);
}
#endif

namespace slicebridge
{
namespace
{

constexpr int CASES = 100'000;

/// Makes inputs out of well-formed ones; a smaller sibling of libFuzzer's mutators.
class Mutator
{
  public:
    explicit Mutator(std::vector<std::string> seeds)
        : m_seeds(std::move(seeds))
    {
    }

    std::string Next()
    {
        auto input = m_seeds[Below(m_seeds.size())];
        for (auto changes = 1 + Below(6); changes > 0; --changes)
        {
            Change(input);
        }
        return input;
    }

  private:
    std::size_t Below(std::size_t limit)
    {
        return m_random() % limit;
    }

    void Change(std::string& input)
    {
        const auto at = Below(input.size() + 1);
        const auto length = Below(std::min<std::size_t>(input.size() - at, 32) + 1);
        switch (Below(6))
        {
        case 0:
            input.replace(at, length, m_words[Below(m_words.size())]);
            break;
        case 1:
            input.insert(at, Below(16), static_cast<char>(Below(256)));
            break;
        case 2:
            input.erase(at, length);
            break;
        case 3:
            input.insert(at, input.substr(Below(input.size() + 1), Below(64)));
            break;
        case 4:
            input = input.substr(0, at) + m_seeds[Below(m_seeds.size())];
            break;
        default:
            if (at < input.size())
            {
                input[at] = static_cast<char>(input[at] ^ (1 << Below(8)));
            }
        }
    }

    std::vector<std::string> m_seeds;
    const std::vector<std::string>& m_words{FuzzWords()};
    std::mt19937_64 m_random{4}; // the same inputs in every run
};

void Feed(const FuzzTarget& target, const std::string& input)
{
#ifndef __SANITIZE_ADDRESS__
    const auto before = g_peak = g_held;
#endif
    target.run({reinterpret_cast<const uint8_t*>(input.data()), input.size()});
#ifndef __SANITIZE_ADDRESS__
    ASSERT_LE(g_peak - before, FuzzMemoryLimit_bytes(input.size())) << target.name;
#endif
}

class Fuzz : public testing::TestWithParam<FuzzTarget>
{
};

TEST_P(Fuzz, NoInputDoesHarm)
{
    Mutator mutator(GetParam().seeds());
    for (int number = 0; number < CASES; ++number)
    {
        ASSERT_NO_FATAL_FAILURE(Feed(GetParam(), mutator.Next())) << "input " << number;
    }
}

/// What once brought the program down: the JSON library prints and copies by recursion.
TEST_P(Fuzz, JsonThatIsNestedWithoutEndDoesNoHarm)
{
    for (const std::string start : {R"({"levels":"delegated","action_deadline_ms":0,"episode":)",
                                    R"({"levels":"delegated","action_deadline_ms":0,"episode":1,)"
                                    R"("low_policy":)"})
    {
        for (const std::size_t depth : {10'000, 500'000})
        {
            Feed(GetParam(), start + std::string(depth, '[') + std::string(depth, ']') + '}');
        }
    }
}

TEST_P(Fuzz, TheEmptyInputDoesNoHarm)
{
    Feed(GetParam(), "");
}

INSTANTIATE_TEST_SUITE_P(Targets,
                         Fuzz,
                         testing::ValuesIn(FuzzTargets()),
                         [](const auto& instance) { return std::string(instance.param.name); });

} // namespace
} // namespace slicebridge
