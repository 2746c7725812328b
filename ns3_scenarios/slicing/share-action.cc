// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/share-action.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace slicebridge
{

namespace
{

void RequireFinite(std::span<const float> scores)
{
    for (std::size_t i = 0; i < scores.size(); ++i)
    {
        if (!std::isfinite(scores[i]))
        {
            throw std::invalid_argument("score " + std::to_string(i) + " of the action is " +
                                        std::to_string(scores[i]) + " (allowed: finite)");
        }
    }
}

/// Shares of one resource of one cell.
std::vector<float> SharesOf(std::span<const float> scores)
{
    const auto clipped = [](float score) { return std::clamp(static_cast<double>(score), 0., 1.); };
    const auto count = static_cast<double>(scores.size());
    double total = 0.0;
    for (const float score : scores)
    {
        total += clipped(score);
    }
    std::vector<float> shares;
    for (const float score : scores)
    {
        const double part = total > 0.0 ? clipped(score) / total : 1.0 / count;
        shares.push_back(static_cast<float>(SHARE_FLOOR + (1.0 - count * SHARE_FLOOR) * part));
    }
    return shares;
}

} // namespace

void SharesFromScores(std::span<const float> scores,
                      std::size_t slices,
                      std::vector<SliceControl>& controls)
{
    if (scores.size() != SHARED_RESOURCES * controls.size())
    {
        throw std::invalid_argument(
            "the action has " + std::to_string(scores.size()) +
            " scores (allowed: " + std::to_string(SHARED_RESOURCES * controls.size()) + ")");
    }
    RequireFinite(scores);
    for (std::size_t first = 0; first < controls.size(); first += slices)
    {
        const auto cell = scores.subspan(first * SHARED_RESOURCES, slices * SHARED_RESOURCES);
        const auto prb = SharesOf(cell.first(slices));
        const auto compute = SharesOf(cell.subspan(slices, slices));
        const auto power = SharesOf(cell.last(slices));
        for (std::size_t slice = 0; slice < slices; ++slice)
        {
            controls[first + slice] = {{0.0F, prb[slice], 1.0F}, compute[slice], power[slice]};
        }
    }
}

} // namespace slicebridge
