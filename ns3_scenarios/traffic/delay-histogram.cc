// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/delay-histogram.h"

#include <algorithm>
#include <cmath>

namespace slicebridge
{

namespace
{

const std::array<int64_t, DelayHistogram::BINS>& UpperEdges()
{
    static const auto edges = []
    {
        constexpr double LEAST_NS = 1e4;
        std::array<int64_t, DelayHistogram::BINS> result{};
        for (std::size_t bin = 0; bin < result.size(); ++bin)
        {
            const auto decades = static_cast<double>(bin + 1) / DelayHistogram::BINS_PER_DECADE;
            result[bin] = std::llround(LEAST_NS * std::pow(10.0, decades));
        }
        return result;
    }();
    return edges;
}

} // namespace

void DelayHistogram::Add(int64_t delay_ns)
{
    const auto& edges = UpperEdges();
    // All but the last edge are searched, so that the last bin takes what is longer, too.
    const auto bin = std::lower_bound(edges.begin(), edges.end() - 1, delay_ns) - edges.begin();
    ++m_counts[static_cast<std::size_t>(bin)];
    ++m_total;
}

uint64_t DelayHistogram::Count(std::size_t bin) const
{
    return m_counts.at(bin);
}

uint64_t DelayHistogram::Total() const
{
    return m_total;
}

int64_t DelayHistogram::UpperEdge_ns(std::size_t bin)
{
    return UpperEdges().at(bin);
}

int64_t DelayHistogram::Quantile_ns(double part) const
{
    if (m_total == 0)
    {
        return 0;
    }
    const auto wanted =
        std::clamp(static_cast<uint64_t>(std::ceil(part * double(m_total))), uint64_t{1}, m_total);
    uint64_t below = 0;
    std::size_t bin = 0;
    while ((below += m_counts[bin]) < wanted)
    {
        ++bin;
    }
    return UpperEdge_ns(bin);
}

} // namespace slicebridge
