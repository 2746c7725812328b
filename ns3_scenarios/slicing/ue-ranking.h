// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_UE_RANKING_H
#define SLICEBRIDGE_SLICING_UE_RANKING_H

#include "slicing/slice.h"

#include <cmath>
#include <cstdint>

namespace slicebridge
{

/// What a scheduling rule knows of a UE when it ranks it for one unit.
struct UeRankingInput
{
    double achievableRate_bps{}; ///< on the unit in question
    double averageRate_bps{};    ///< exponentially averaged served rate, > 0
    double holDelay_ms{};        ///< age of the oldest packet, aged to now
    double delayBudget_ms{};     ///< of the slice (SLA, else its 5QI's packet delay budget)
    double lossTarget{};         ///< 1 - reliability, in (0, 1)
    uint64_t ttisSinceServed{};
    double weight{1.0}; ///< of the low-level agent
};

/**
 * Rank of a UE under a rule: the larger the sooner, never negative. `weight` multiplies each.
 *
 * rr: TTIs since last served. pf: achievable over average rate (Kelly; Tse). max-cqi: achievable
 * rate. m-lwdf: -log(loss target) / delay budget x head-of-line delay x achievable over average
 * rate (Andrews et al. 2001). Inline, since it is called for each UE, unit and TTI.
 */
inline double Rank(SchedulingRule rule, const UeRankingInput& ue)
{
    switch (rule)
    {
    case SchedulingRule::RoundRobin:
        return ue.weight * static_cast<double>(ue.ttisSinceServed);
    case SchedulingRule::ProportionalFair:
        return ue.weight * ue.achievableRate_bps / ue.averageRate_bps;
    case SchedulingRule::MaxCqi:
        return ue.weight * ue.achievableRate_bps;
    case SchedulingRule::MLwdf:
        return ue.weight * -std::log(ue.lossTarget) / ue.delayBudget_ms * ue.holDelay_ms *
               ue.achievableRate_bps / ue.averageRate_bps;
    }
    return 0.0;
}

/// Whether a rule's rank is proportional to the achievable rate, or does not depend on it.
inline bool RanksByRate(SchedulingRule rule)
{
    return rule != SchedulingRule::RoundRobin;
}

} // namespace slicebridge

#endif
