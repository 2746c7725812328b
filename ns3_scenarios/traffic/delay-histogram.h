// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_DELAY_HISTOGRAM_H
#define SLICEBRIDGE_TRAFFIC_DELAY_HISTOGRAM_H

#include <array>
#include <cstddef>
#include <cstdint>

namespace slicebridge
{

/// Delays in 64 logarithmic bins per decade from 10 us to 100 s; the first and the last bin also
/// take what lies outside.
class DelayHistogram
{
  public:
    static constexpr std::size_t BINS_PER_DECADE = 64;
    static constexpr std::size_t DECADES = 7;
    static constexpr std::size_t BINS = BINS_PER_DECADE * DECADES;

    void Add(int64_t delay_ns);

    uint64_t Count(std::size_t bin) const;
    uint64_t Total() const;

    /// Upper edge of a bin, inclusive, in ns.
    static int64_t UpperEdge_ns(std::size_t bin);

    /**
     * Smallest bin edge that at least `part` of the delays do not exceed.
     * @param part in (0, 1]
     * @return ns; 0 if there are no delays
     */
    int64_t Quantile_ns(double part) const;

  private:
    std::array<uint64_t, BINS> m_counts{};
    uint64_t m_total{};
};

} // namespace slicebridge

#endif
