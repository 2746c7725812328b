// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_BUILTIN_CONTROLLERS_H
#define SLICEBRIDGE_SLICING_BUILTIN_CONTROLLERS_H

#include "slicing/controller.h"
#include "slicing/slice.h"

#include "ns3/nstime.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace slicebridge
{

/// What a built-in controller knows of the network besides observations.
struct NetworkShape
{
    std::size_t cells{};
    std::vector<SliceConfig> slices;
    ns3::Time highPeriod;
};

/// Names that MakeBuiltInController() knows.
std::span<const std::string_view> BuiltInControllerNames();

/**
 * A controller that needs no agent; each decides at the high level only, for each cell alone.
 *
 * `static` leaves in force what InitialControls() says of the scenario's own policies. With equal
 * minima it is the baseline "static equal", with minima by SLA "SLA-static".
 *
 * `proportional` shares in proportion to the PRBs that a slice needs to serve what was offered in
 * the last high-level period and what is queued, in one period:
 * (offered kbit/s + queued kbit / period) / (kbit/s per PRB that the slice made of its PRBs,
 * averaged over about ten periods; that of the whole cell where it had none).
 *
 * `max-weight` shares in proportion to w Q r (1 + H / D): operator weight, kbit queued and expected
 * in the coming period (as many as in the last: shares hold for a period, and by what is queued
 * alone they would swing between slices), kbit/s per PRB as above, age of the oldest packet over
 * the delay budget. Queue times rate is the weight of Tassiulas and Ephremides (1992), the urgency
 * that of M-LWDF (Andrews et al. 2001). They would give all to the greatest; shares that hold for a
 * period are proportional instead.
 *
 * Both of these keep MINIMUM_SHARE for each slice, share equally where all needs are 0, and turn
 * shares into controls by SharesToControls().
 *
 * @throws std::invalid_argument for any other name, with the names allowed
 */
std::unique_ptr<Controller> MakeBuiltInController(std::string_view name, NetworkShape network);

/// Least share of a slice under `proportional` and `max-weight`, with up to 20 slices.
inline constexpr double MINIMUM_SHARE = 0.05;

/**
 * Shares on the simplex, none below MINIMUM_SHARE: MINIMUM_SHARE + (1 - K MINIMUM_SHARE) x need
 * over the sum of needs; equal if no need is above 0.
 * @param needs one per slice of a cell, >= 0
 */
std::vector<double> SharesByNeed(std::span<const double> needs);

/**
 * The control that a share vector stands for: `min` is the share, `dedicated` 0 and `max` 1, so
 * that what a slice does not use is lent; compute and power follow PRBs, which spreads power evenly
 * over the band.
 * @param shares one per slice of a cell, sum <= 1
 */
std::vector<SliceControl> SharesToControls(std::span<const double> shares);

} // namespace slicebridge

#endif
