// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/control-projection.h"

#include <algorithm>
#include <cmath>

namespace slicebridge
{

namespace
{

/// Clamps one kind of share to [0, 1] and its sum over the slices of a cell to 1.
void ProjectShares(std::span<SliceControl> cell, float SliceControl::* share)
{
    constexpr double TOLERANCE = 1e-6;
    double sum = 0.0;
    for (auto& slice : cell)
    {
        // Written so that NaN becomes 0.
        slice.*share = slice.*share > 0.0F ? std::min(slice.*share, 1.0F) : 0.0F;
        sum += slice.*share;
    }
    if (sum > 1.0 + TOLERANCE)
    {
        for (auto& slice : cell)
        {
            slice.*share = static_cast<float>(slice.*share / sum);
        }
    }
}

} // namespace

std::vector<SliceControl> ProjectSlices(std::span<const SliceControl> requested, std::size_t slices)
{
    std::vector<SliceControl> projected(requested.begin(), requested.end());
    for (std::size_t first = 0; first < projected.size(); first += slices)
    {
        const auto cell = std::span(projected).subspan(first, slices);
        std::vector<RrmPolicyRatio> ratios(slices);
        std::transform(cell.begin(),
                       cell.end(),
                       ratios.begin(),
                       [](const auto& control) { return control.prb; });
        ratios = Project(ratios);
        for (std::size_t slice = 0; slice < slices; ++slice)
        {
            cell[slice].prb = ratios[slice];
        }
        ProjectShares(cell, &SliceControl::computeShare);
        ProjectShares(cell, &SliceControl::powerShare);
    }
    return projected;
}

void ProjectUes(std::span<UeControl> ues)
{
    for (auto& ue : ues)
    {
        ue.weight = std::isnan(ue.weight) ? 1.0F : std::clamp(ue.weight, 0.01F, 100.0F);
        ue.powerOffset_db =
            std::isnan(ue.powerOffset_db) ? 0.0F : std::clamp(ue.powerOffset_db, -6.0F, 3.0F);
    }
}

std::vector<SliceControl> InitialControls(std::size_t cells, std::span<const SliceConfig> slices)
{
    double sumMin = 0.0;
    for (const auto& slice : slices)
    {
        sumMin += slice.policy.min;
    }
    const auto equal = 1.0F / static_cast<float>(slices.size());
    std::vector<SliceControl> controls;
    controls.reserve(cells * slices.size());
    for (std::size_t cell = 0; cell < cells; ++cell)
    {
        for (const auto& slice : slices)
        {
            const float power =
                sumMin > 0.0 ? static_cast<float>(slice.policy.min / sumMin) : equal;
            controls.push_back({slice.policy, equal, power});
        }
    }
    return ProjectSlices(controls, slices.size());
}

} // namespace slicebridge
