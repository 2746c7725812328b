// SPDX-License-Identifier: GPL-2.0-only
#include "nr/block-error.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace slicebridge::nr
{

namespace
{

constexpr double LOWEST_DB = -30.0;
constexpr double HIGHEST_DB = 50.0;
constexpr double STEP_DB = 0.25;
constexpr std::size_t POINTS = static_cast<std::size_t>((HIGHEST_DB - LOWEST_DB) / STEP_DB) + 1;

using InformationTable = std::array<SymbolInformation, POINTS>;

/// Levels of one real dimension of square QAM with symbol energy 1, in Gray-label order of index.
std::vector<double> PamLevels(unsigned bits)
{
    const int count = 1 << bits;
    const double distance = std::sqrt(1.5 / (count * count - 1));
    std::vector<double> levels(count);
    for (int i = 0; i < count; ++i)
    {
        levels[i] = distance * (2 * i - count + 1);
    }
    return levels;
}

/// Sum over the bits of level `sent` of log2(2 P(bit | y)).
double InformationDensity(const std::vector<double>& likelihood, unsigned bits, unsigned sent)
{
    double total = 0.0;
    for (const double value : likelihood)
    {
        total += value;
    }
    const unsigned sentLabel = sent ^ (sent >> 1);
    double density = 0.0;
    for (unsigned bit = 0; bit < bits; ++bit)
    {
        double agreeing = 0.0;
        for (unsigned level = 0; level < likelihood.size(); ++level)
        {
            const unsigned label = level ^ (level >> 1);
            agreeing += ((label ^ sentLabel) >> bit) & 1U ? 0.0 : likelihood[level];
        }
        density += std::log2(std::max(2.0 * agreeing / total, 1e-30));
    }
    return density;
}

/// Both dimensions are alike, so a QAM symbol has twice the mean and variance of one of them.
SymbolInformation Integrate(const std::vector<double>& levels, unsigned bits, double sinr)
{
    constexpr int NODES = 16; // each side; the trapezoid rule is spectrally accurate here
    constexpr double SPACING = 0.4;
    const double sigma = std::sqrt(0.5 / sinr);
    std::vector<double> likelihood(levels.size());
    double weightSum = 0.0;
    double first = 0.0;
    double second = 0.0;
    for (unsigned sent = 0; sent < levels.size() / 2; ++sent) // the other half is its mirror image
    {
        for (int node = -NODES; node <= NODES; ++node)
        {
            const double noise = node * SPACING;
            const double weight = std::exp(-0.5 * noise * noise);
            for (std::size_t level = 0; level < levels.size(); ++level)
            {
                const double distance = (levels[sent] - levels[level]) / sigma + noise;
                likelihood[level] = std::exp(-0.5 * (distance * distance - noise * noise));
            }
            const double density = InformationDensity(likelihood, bits, sent);
            weightSum += weight;
            first += weight * density;
            second += weight * density * density;
        }
    }
    const double mean = first / weightSum;
    return {2.0 * std::max(mean, 0.0), 2.0 * std::max(second / weightSum - mean * mean, 0.0)};
}

InformationTable MakeTable(uint8_t modulationOrder)
{
    const unsigned bits = modulationOrder / 2U;
    const auto levels = PamLevels(bits);
    InformationTable table;
    for (std::size_t i = 0; i < POINTS; ++i)
    {
        table[i] = Integrate(levels, bits, std::pow(10.0, (LOWEST_DB + i * STEP_DB) / 10.0));
    }
    return table;
}

/// Made when a modulation is first used: 256QAM takes milliseconds that most runs can save.
const InformationTable& Table(uint8_t modulationOrder)
{
    switch (modulationOrder)
    {
    case 2:
    {
        static const InformationTable qpsk = MakeTable(2);
        return qpsk;
    }
    case 4:
    {
        static const InformationTable qam16 = MakeTable(4);
        return qam16;
    }
    case 6:
    {
        static const InformationTable qam64 = MakeTable(6);
        return qam64;
    }
    case 8:
    {
        static const InformationTable qam256 = MakeTable(8);
        return qam256;
    }
    default:
        throw std::invalid_argument("modulation order " + std::to_string(modulationOrder) +
                                    " is not 2, 4, 6 or 8");
    }
}

/// A point of a table over linear SINR, and how far it is to the next.
struct LinearPoint
{
    float mean_bits;
    float variance_bits2;
    float meanStep_bits;
    float varianceStep_bits2;
};

// The exponent of a float and the first bits of its mantissa number the points: between two of
// them, what follows of the mantissa is the part of the way.
constexpr float LEAST_SINR = 0x1p-10F;
constexpr float GREATEST_SINR = 0x1.fffffep16F;
constexpr uint32_t LEAST_SINR_BITS = std::bit_cast<uint32_t>(LEAST_SINR);
constexpr uint32_t FRACTION_BITS = 19;
constexpr std::size_t LINEAR_POINTS = 27 * 16;

using InformationByLinearSinr = std::array<LinearPoint, LINEAR_POINTS>;

SymbolInformation AtPoint(uint8_t modulationOrder, std::size_t point)
{
    const auto bits = LEAST_SINR_BITS + (static_cast<uint32_t>(point) << FRACTION_BITS);
    return InformationAt(modulationOrder, 10.0 * std::log10(std::bit_cast<float>(bits)));
}

InformationByLinearSinr MakeLinearTable(uint8_t modulationOrder)
{
    InformationByLinearSinr table{};
    auto here = AtPoint(modulationOrder, 0);
    for (std::size_t point = 0; point < LINEAR_POINTS; ++point)
    {
        const auto next = AtPoint(modulationOrder, point + 1);
        table[point] = {static_cast<float>(here.mean_bits),
                        static_cast<float>(here.variance_bits2),
                        static_cast<float>(next.mean_bits - here.mean_bits),
                        static_cast<float>(next.variance_bits2 - here.variance_bits2)};
        here = next;
    }
    return table;
}

template <uint8_t ModulationOrder>
const InformationByLinearSinr& LinearTableOf()
{
    static const auto table = MakeLinearTable(ModulationOrder);
    return table;
}

const InformationByLinearSinr& LinearTable(uint8_t modulationOrder)
{
    switch (modulationOrder)
    {
    case 2:
        return LinearTableOf<2>();
    case 4:
        return LinearTableOf<4>();
    case 6:
        return LinearTableOf<6>();
    default:
        return LinearTableOf<8>();
    }
}

} // namespace

SymbolInformation InformationAt(uint8_t modulationOrder, double sinr_db)
{
    const auto& table = Table(modulationOrder);
    const double position = std::clamp((sinr_db - LOWEST_DB) / STEP_DB, 0.0, POINTS - 1.0);
    const auto below = std::min(static_cast<std::size_t>(position), POINTS - 2);
    const double part = position - static_cast<double>(below);
    const auto& a = table[below];
    const auto& b = table[below + 1];
    return {a.mean_bits + part * (b.mean_bits - a.mean_bits),
            a.variance_bits2 + part * (b.variance_bits2 - a.variance_bits2)};
}

SymbolInformation InformationAtLinear(uint8_t modulationOrder, float sinr)
{
    const auto& table = LinearTable(modulationOrder);
    const auto bits =
        std::bit_cast<uint32_t>(std::clamp(sinr, LEAST_SINR, GREATEST_SINR)) - LEAST_SINR_BITS;
    const auto& point = table[bits >> FRACTION_BITS];
    constexpr double UNIT = 1.0 / (1U << FRACTION_BITS);
    const double part = (bits & ((1U << FRACTION_BITS) - 1)) * UNIT;
    return {point.mean_bits + part * point.meanStep_bits,
            point.variance_bits2 + part * point.varianceStep_bits2};
}

double BlockErrorRate(const CodeBlocks& blocks, const GatheredInformation& gathered)
{
    if (gathered.symbols <= 0.0)
    {
        return 1.0;
    }
    const double symbols = gathered.symbols / blocks.count;
    const double mean = gathered.mean_bits / blocks.count;
    const double deviation = std::sqrt(std::max(gathered.variance_bits2 / blocks.count, 1e-12));
    const double margin = mean + 0.5 * std::log2(symbols) - blocks.payloadBits;
    const double blockError = 0.5 * std::erfc(margin / deviation / std::numbers::sqrt2);
    return -std::expm1(blocks.count * std::log1p(-std::min(blockError, 1.0 - 1e-16)));
}

} // namespace slicebridge::nr
