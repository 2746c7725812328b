// SPDX-License-Identifier: GPL-2.0-only
// NrCell: what is sent in a slot, to whom, and how.
#include "nr/nr-cell.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace slicebridge::nr
{

namespace
{

/// Per SDU or segment: MAC subheader 3 (TS 38.321, 6.1.2), RLC UM 1 (TS 38.322, 6.2.2.3), PDCP with
/// 18-bit numbers 3 (TS 38.323, 6.2.2), SDAP 1 (TS 37.324, 6.2.2).
constexpr uint32_t HEADER_BYTES = 8;

/// Slots over which the served rate is averaged.
constexpr double RATE_MEMORY_SLOTS = 100.0;
constexpr double RATE_KEPT_PER_SLOT = 1.0 - 1.0 / RATE_MEMORY_SLOTS;

/// Below the lowest CQI threshold the report says "out of range"; so far below is assumed.
constexpr double OUT_OF_RANGE_DB = 3.0;

constexpr double OUTER_LOOP_LIMIT_DB = 12.0;

/// What is left of an average rate after so many whole slots; the usual numbers from a table.
double RateDecay(double idleSlots)
{
    constexpr std::size_t SIZE = 1024;
    static const auto table = []
    {
        std::array<double, SIZE> decay{};
        for (std::size_t slots = 0; slots < SIZE; ++slots)
        {
            decay[slots] = std::pow(RATE_KEPT_PER_SLOT, static_cast<double>(slots));
        }
        return decay;
    }();
    return idleSlots < SIZE ? table[static_cast<std::size_t>(idleSlots)]
                            : std::pow(RATE_KEPT_PER_SLOT, idleSlots);
}

} // namespace

void NrCell::OnFeedback(int64_t slot)
{
    auto& due = m_feedback[static_cast<std::size_t>(slot) % m_feedback.size()];
    for (const uint32_t index : due)
    {
        auto& block = m_blocks[index];
        if (block.ue == NOBODY)
        {
            Free(index);
            continue;
        }
        if (m_network.observer != nullptr)
        {
            ReportFeedback(index, slot);
        }
        if (block.transmissions == 1)
        {
            AdjustOuterLoop(block);
        }
        if (block.decoded)
        {
            Free(index);
        }
        else if (block.transmissions >= m_network.config.harq.transmissions)
        {
            Lose(block);
            Free(index);
        }
        else
        {
            m_repetitions[m_network.ues[block.ue].slice].push_back(index);
        }
    }
    due.clear();
}

/**
 * Down by a step per error, up by step * target / (1 - target) per success, with two amendments.
 * A block that was under way when the loop last went down tells nothing of the rate that it went
 * down to: its error only has to be paid for by as many successes as any other. And the loop is not
 * wound up where a change would have no effect: above what the reports allow, below MCS 0.
 */
void NrCell::AdjustOuterLoop(const Block& block)
{
    auto& ue = m_network.ues[block.ue];
    const double target = m_network.blockErrorTargets[ue.slice];
    const double step_db = m_network.config.csi.outerLoopStep_db;
    if (!block.decoded)
    {
        if (block.outerLoopDowns != ue.outerLoopDowns)
        {
            ue.outerLoopDebt_db += step_db;
        }
        else if (block.mcs > 0)
        {
            ue.outerLoop_db = std::max(ue.outerLoop_db - step_db, -OUTER_LOOP_LIMIT_DB);
            ++ue.outerLoopDowns;
        }
        return;
    }
    const double up_db = step_db * target / (1.0 - target);
    if (ue.outerLoopDebt_db > 0.0)
    {
        ue.outerLoopDebt_db -= up_db;
    }
    else if (!block.atReport)
    {
        ue.outerLoop_db = std::min(ue.outerLoop_db + up_db, OUTER_LOOP_LIMIT_DB);
    }
}

void NrCell::RefreshReport(uint32_t index, int64_t slot)
{
    if (slot < m_network.ues[index].nextReport)
    {
        return;
    }
    auto& ue = m_network.ues[index];
    const auto& csi = m_network.config.csi;
    // Reports of different UEs are spread over the period.
    const int64_t phase = index % csi.period_slots;
    const int64_t latest = slot - csi.delay_slots - phase;
    const int64_t measured = latest < 0 ? 0 : latest / csi.period_slots * csi.period_slots + phase;
    ue.nextReport = csi.delay_slots + (latest < 0 ? phase : measured + csi.period_slots);
    if (ue.reportSlot != measured)
    {
        Report(index, measured);
    }
}

/// What the UE measures in a slot.
void NrCell::Report(uint32_t index, int64_t slot)
{
    auto& ue = m_network.ues[index];
    ue.reportSlot = slot;
    const auto& environment = m_network.environment;
    environment.Gains(index,
                      m_index,
                      slot * SlotLength_ns(m_network.config.carrier.numerology),
                      m_gains);
    double disturbance_w = environment.NoisePerPrb_w();
    for (std::size_t cell = 0; cell < environment.CellCount(); ++cell)
    {
        if (cell != m_index)
        {
            disturbance_w += m_network.meanPower_w[cell] * environment.MeanGain(index, cell);
        }
    }
    const double reference = m_evenPower_w / disturbance_w;
    const auto table = CqiTable(m_network.config.carrier.linkTable);
    double sum_db = 0.0;
    uint8_t best = 0;
    for (uint32_t rbg = 0; rbg < m_rbgs; ++rbg)
    {
        const uint8_t cqi = m_network.cqiThresholds.CountReachedLinear(
            static_cast<float>(m_gains[rbg] * reference));
        ue.reportedSinr_db[rbg] = static_cast<float>(m_cqiSinr_db[cqi]);
        ue.reportedRate_bps[rbg] = m_cqiRate_bps[cqi];
        sum_db += m_cqiSinr_db[cqi];
        best = std::max(best, cqi);
    }
    ue.reportedRate_bps[m_rbgs] = ue.reportedRate_bps[m_rbgs - 1];
    ue.meanSinr_db = static_cast<float>(sum_db / m_rbgs);
    ue.bestSinr_db = static_cast<float>(m_cqiSinr_db[best]);
    ue.bestRate_bps = m_cqiRate_bps[best];
    const uint8_t wideband = m_network.cqiThresholds.CountReached(ue.meanSinr_db + 1e-3);
    ++m_counters[ue.slice].cqi[wideband];
    ue.counters.cqi = wideband;
    ue.counters.spectralEfficiency = wideband > 0 ? table[wideband - 1U].SpectralEfficiency() : 0.0;
}

/// What each CQI stands for.
void NrCell::TabulateCqi()
{
    const auto& thresholds = m_network.cqiThresholds;
    const auto table = CqiTable(m_network.config.carrier.linkTable);
    for (std::size_t cqi = 0; cqi < m_cqiSinr_db.size(); ++cqi)
    {
        m_cqiSinr_db[cqi] =
            cqi > 0 ? thresholds.At_db(cqi - 1) : thresholds.At_db(0) - OUT_OF_RANGE_DB;
        const double efficiency =
            cqi > 0 ? table[cqi - 1].SpectralEfficiency() : 0.5 * table[0].SpectralEfficiency();
        m_cqiRate_bps[cqi] = static_cast<float>(efficiency * m_rbgSymbols / m_slotLength_s);
    }
}

void NrCell::DiscardExpired(uint32_t index, int64_t now_ns)
{
    auto& ue = m_network.ues[index];
    const int64_t arrivedBefore_ns = now_ns - m_discardAfter_ns[ue.slice];
    if (!ue.queue.HasExpired(arrivedBefore_ns))
    {
        return;
    }
    ue.queue.Discard(arrivedBefore_ns,
                     [&](const Sdu& sdu)
                     {
                         ++m_counters[ue.slice].rlcSduDropped;
                         m_network.onDropped(index, sdu.number, *sdu.packet);
                     });
}

void NrCell::CollectCandidates(int64_t slot)
{
    const int64_t now_ns = slot * SlotLength_ns(m_network.config.carrier.numerology);
    for (auto& candidates : m_candidates)
    {
        candidates.clear();
    }
    m_winners.clear();
    std::erase_if(m_backlogged,
                  [&](uint32_t index)
                  {
                      auto& ue = m_network.ues[index];
                      DiscardExpired(index, now_ns);
                      if (ue.queue.PendingBytes() == 0)
                      {
                          EndBacklog(ue, now_ns);
                          return true;
                      }
                      if (ue.busyProcesses < m_network.config.harq.processes)
                      {
                          RefreshReport(index, slot);
                          m_candidates[ue.slice].push_back(MakeCandidate(index, slot));
                      }
                      return false;
                  });
}

/// What of a rank does not differ between RBGs is computed once.
NrCell::Candidate NrCell::MakeCandidate(uint32_t index, int64_t slot)
{
    auto& ue = m_network.ues[index];
    const auto rule = m_network.config.slices[ue.slice].rule;
    const int64_t idleSlots = slot - ue.averageSlot;
    ue.averageRate_bps = idleSlots == 1
                             ? std::max(1.0, ue.averageRate_bps * RATE_KEPT_PER_SLOT)
                             : DecayedRate_bps(ue.averageRate_bps, static_cast<double>(idleSlots));
    ue.averageSlot = slot;
    const int64_t now_ns = slot * SlotLength_ns(m_network.config.carrier.numerology);
    Candidate candidate{.ue = index};
    candidate.rankPerRate = Rank(rule,
                                 {.achievableRate_bps = 1.0,
                                  .averageRate_bps = ue.averageRate_bps,
                                  .holDelay_ms = (now_ns - ue.queue.HeadArrival_ns()) * 1e-6,
                                  .delayBudget_ms = m_delayBudget_ms[ue.slice],
                                  .lossTarget = m_lossTarget[ue.slice],
                                  .ttisSinceServed = static_cast<uint64_t>(slot - ue.servedSlot),
                                  .weight = ue.weight});
    const bool byRate = RanksByRate(rule);
    candidate.rate_bps = byRate ? ue.reportedRate_bps.data() : m_equalRates.data();
    candidate.bestRate_bps = byRate ? ue.bestRate_bps : 1.0F;
    return candidate;
}

NrCell::Need NrCell::NeedOf(const NrUe& ue) const
{
    const uint8_t mcs = ChooseMcs(ue, ue.meanSinr_db, ue.bestSinr_db).mcs;
    // The transport block size is quantised to about 3 %: ask for a little more than the data.
    return {.bytes = 1.03 * static_cast<double>(ue.queue.PendingBytes() +
                                                HEADER_BYTES * ue.queue.PendingSdus()),
            .bytesPerRbg = McsTable(m_network.config.carrier.linkTable)[mcs].SpectralEfficiency() *
                           m_rbgElements / 8.0};
}

/// RBGs that slices want; more than there are makes no difference.
void NrCell::CollectDemand()
{
    for (std::size_t slice = 0; slice < m_slices; ++slice)
    {
        double rbgs = 0.0;
        for (const uint32_t block : m_repetitions[slice])
        {
            rbgs += m_blocks[block].rbgs;
        }
        for (const auto& candidate : m_candidates[slice])
        {
            if (rbgs >= m_rbgs)
            {
                break;
            }
            const auto need = NeedOf(m_network.ues[candidate.ue]);
            rbgs += std::ceil(need.bytes / need.bytesPerRbg);
        }
        m_demand[slice] = {static_cast<uint32_t>(std::min<double>(rbgs, m_rbgs)), 0};
    }
}

double NrCell::DecayedRate_bps(double rate_bps, double idleSlots)
{
    return std::max(1.0, rate_bps * RateDecay(idleSlots));
}

/// The outer loop corrects the mean of what was reported for the RBGs, up to the best of them: a
/// CQI is the highest that the UE can receive.
NrCell::McsChoice NrCell::ChooseMcs(const NrUe& ue, double sinr_db, double best_db) const
{
    // A CQI's threshold is an MCS's threshold too: do not fall below it by rounding.
    constexpr double ROUNDING_DB = 0.06;
    const double corrected_db = sinr_db + ue.outerLoop_db;
    const double power_db = ue.powerOffset_db + m_powerBoost_db[ue.slice] + ROUNDING_DB;
    const auto& thresholds = m_network.mcsThresholds[ue.slice];
    const uint8_t reached = thresholds.CountReached(std::min(corrected_db, best_db) + power_db);
    return {.mcs = static_cast<uint8_t>(reached > 0 ? reached - 1U : 0U),
            .atReport = corrected_db >= best_db};
}

void NrCell::Decide(int64_t slot)
{
    const int64_t target = slot + m_network.config.harq.n0_slots;
    const uint32_t symbols = m_network.DataSymbols(target);
    if (symbols == 0)
    {
        return;
    }
    m_rbgElements = ElementsPerPrb(symbols) * m_network.config.carrier.rbgSize_prb;
    CollectCandidates(slot);
    CollectDemand();
    auto& plan = PlanOf(target);
    SpreadSlices(m_allocator.Allocate(m_rbgs, m_demand), target);
    for (uint32_t slice = 0; slice < m_slices; ++slice)
    {
        std::size_t next = 0;
        GrantRepetitions(plan, slice, next);
        GrantNewData(plan, slice, next);
        for (const auto& candidate : m_candidates[slice])
        {
            if (candidate.winner != NOBODY)
            {
                BuildBlock(plan, m_winners[candidate.winner], slot, symbols);
            }
        }
    }
    SetPower(plan);
}

/// Which RBGs are whose: each goes to the slice with the largest part of its quota left, so that
/// every slice sees the whole band. Where that begins differs from slot to slot, so that the last
/// RBG, which may be shorter, is everybody's as often as the others; where there is room enough, it
/// stays idle, since what is asked for counts whole RBGs.
void NrCell::SpreadSlices(std::span<const uint32_t> quota, int64_t slot)
{
    uint32_t total = 0;
    bool enough = true;
    for (std::size_t slice = 0; slice < m_slices; ++slice)
    {
        m_sliceRbgs[slice].clear();
        total += quota[slice];
        enough = enough && m_demand[slice].wanted <= quota[slice];
    }
    const bool lastIsShort = m_network.RbgPrbs(m_rbgs - 1) < m_network.config.carrier.rbgSize_prb;
    const uint32_t band = enough && lastIsShort && total < m_rbgs ? m_rbgs - 1 : m_rbgs;
    // Multiples of 2^32 over the golden ratio spread evenly.
    constexpr uint32_t GOLDEN = 2'654'435'769;
    const auto first =
        static_cast<uint32_t>((uint64_t{static_cast<uint32_t>(slot) * GOLDEN} * band) >> 32);
    const auto only = std::ranges::find(quota, total);
    if (only != quota.end())
    {
        // One slice alone: in frequency order, from `first` on.
        auto& rbgs = m_sliceRbgs[static_cast<std::size_t>(only - quota.begin())];
        const uint32_t wrapped = first + total > band ? first + total - band : 0;
        for (uint32_t rbg = 0; rbg < wrapped; ++rbg)
        {
            rbgs.push_back(static_cast<uint16_t>(rbg));
        }
        for (uint32_t rbg = first; rbg < std::min(first + total, band); ++rbg)
        {
            rbgs.push_back(static_cast<uint16_t>(rbg));
        }
        return;
    }
    std::ranges::fill(m_sliceOfRbg, m_slices);
    m_given.assign(m_slices, 0);
    for (uint32_t i = 0; i < total; ++i)
    {
        std::size_t best = m_slices;
        double largest = 0.0;
        for (std::size_t slice = 0; slice < m_slices; ++slice)
        {
            const double left = quota[slice] - static_cast<double>(m_given[slice]);
            if (left > 0.0 && left / quota[slice] > largest)
            {
                largest = left / quota[slice];
                best = slice;
            }
        }
        ++m_given[best];
        const uint32_t rbg = first + i;
        m_sliceOfRbg[rbg < band ? rbg : rbg - band] = best;
    }
    for (uint32_t rbg = 0; rbg < m_rbgs; ++rbg)
    {
        if (m_sliceOfRbg[rbg] < m_slices)
        {
            m_sliceRbgs[m_sliceOfRbg[rbg]].push_back(static_cast<uint16_t>(rbg));
        }
    }
}

void NrCell::GrantRepetitions(SlotPlan& plan, uint32_t slice, std::size_t& next)
{
    auto& waiting = m_repetitions[slice];
    const auto& rbgs = m_sliceRbgs[slice];
    std::size_t served = 0;
    while (served < waiting.size() && next < rbgs.size())
    {
        const uint32_t index = waiting[served++];
        // Fewer RBGs than at first, if there are no more: that adds less information.
        const std::size_t count = std::min<std::size_t>(m_blocks[index].rbgs, rbgs.size() - next);
        const auto grant = static_cast<uint32_t>(plan.grants.size());
        auto& added =
            plan.grants.emplace_back(index, slice, rbgs[next], rbgs[next + count - 1], 0U);
        for (std::size_t i = 0; i < count; ++i)
        {
            plan.owner[rbgs[next + i]] = grant;
            added.prbs += m_network.RbgPrbs(rbgs[next + i]);
        }
        next += count;
    }
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(served));
}

/// Each RBG of the slice goes to the UE that the slice's rule ranks highest on it and that still
/// lacks room for its data.
void NrCell::GrantNewData(SlotPlan& plan, uint32_t slice, std::size_t first)
{
    const auto& rbgs = m_sliceRbgs[slice];
    auto& candidates = m_candidates[slice];
    std::size_t wanting = candidates.size();
    if (first < rbgs.size() && wanting > 1)
    {
        RankOnAllRbgs(candidates);
    }
    for (std::size_t i = first; i < rbgs.size() && wanting > 0; ++i)
    {
        const uint32_t rbg = rbgs[i];
        std::size_t best = candidates.size() > 1 ? m_highestIndex[rbg] : 0;
        if (candidates[best].satisfied)
        {
            best = BestOn(rbg, candidates);
        }
        GrantRbg(plan, slice, rbg, candidates[best]);
        wanting -= candidates[best].satisfied ? 1 : 0;
    }
}

/**
 * Who ranks highest on each RBG, the first of those who rank alike. In saturation most of the work
 * of a slot lies here: in vectors, and a candidate that even on its best RBG does not reach what
 * all RBGs have is passed over.
 */
void NrCell::RankOnAllRbgs(std::span<const Candidate> candidates)
{
    using Ranks = double __attribute__((vector_size(16)));
    using Indices = int64_t __attribute__((vector_size(16)));
    std::ranges::fill(m_highestRank, -1.0);
    double lowest = -1.0; // of the highest
    for (std::size_t index = 0; index < candidates.size(); ++index)
    {
        const auto& candidate = candidates[index];
        if (candidate.rankPerRate * candidate.bestRate_bps <= lowest)
        {
            continue;
        }
        const auto number = static_cast<int64_t>(index);
        Ranks least{HUGE_VAL, HUGE_VAL};
        for (uint32_t rbg = 0; rbg < m_rbgs; rbg += 2)
        {
            const Ranks rank =
                Ranks{candidate.rate_bps[rbg], candidate.rate_bps[rbg + 1]} * candidate.rankPerRate;
            Ranks highest;
            Indices holder;
            std::memcpy(&highest, &m_highestRank[rbg], sizeof highest);
            std::memcpy(&holder, &m_highestIndex[rbg], sizeof holder);
            holder = rank > highest ? Indices{number, number} : holder;
            highest = rank > highest ? rank : highest;
            std::memcpy(&m_highestRank[rbg], &highest, sizeof highest);
            std::memcpy(&m_highestIndex[rbg], &holder, sizeof holder);
            least = highest < least ? highest : least;
        }
        lowest = std::min(least[0], least[1]);
    }
}

/// Who of those that still lack room ranks highest on an RBG.
std::size_t NrCell::BestOn(uint32_t rbg, std::span<const Candidate> candidates) const
{
    std::size_t best = 0;
    double highest = -1.0;
    for (std::size_t index = 0; index < candidates.size(); ++index)
    {
        const auto& candidate = candidates[index];
        const double rank = candidate.rankPerRate * candidate.rate_bps[rbg];
        if (!candidate.satisfied && rank > highest)
        {
            highest = rank;
            best = index;
        }
    }
    return best;
}

void NrCell::GrantRbg(SlotPlan& plan, uint32_t slice, uint32_t rbg, Candidate& candidate)
{
    const auto& ue = m_network.ues[candidate.ue];
    if (candidate.winner == NOBODY)
    {
        candidate.winner = static_cast<uint32_t>(m_winners.size());
        const auto grant = static_cast<uint32_t>(plan.grants.size());
        m_winners.push_back({.ue = candidate.ue, .grant = grant, .need = NeedOf(ue)});
        plan.grants.push_back({NOBODY, slice, static_cast<uint16_t>(rbg), 0, 0});
    }
    auto& winner = m_winners[candidate.winner];
    auto& grant = plan.grants[winner.grant];
    const uint32_t prbs = m_network.RbgPrbs(rbg);
    grant.lastRbg = static_cast<uint16_t>(rbg);
    grant.prbs += prbs;
    plan.owner[rbg] = winner.grant;
    winner.need.bytes -= winner.need.bytesPerRbg * prbs / m_network.config.carrier.rbgSize_prb;
    const double sinr_db = ue.reportedSinr_db[rbg];
    winner.sumSinr_db += sinr_db;
    winner.bestSinr_db = std::max(winner.bestSinr_db, sinr_db);
    ++winner.rbgs;
    candidate.satisfied = winner.need.bytes <= 0.0;
}

void NrCell::BuildBlock(SlotPlan& plan, const Winner& winner, int64_t slot, uint32_t symbols)
{
    auto& ue = m_network.ues[winner.ue];
    const auto& carrier = m_network.config.carrier;
    const int64_t now_ns = slot * SlotLength_ns(carrier.numerology);
    const uint32_t index = NewBlock();
    auto& block = m_blocks[index];
    block.ue = winner.ue;
    const auto choice = ChooseMcs(ue, winner.sumSinr_db / winner.rbgs, winner.bestSinr_db);
    block.mcs = choice.mcs;
    block.atReport = choice.atReport;
    block.outerLoopDowns = ue.outerLoopDowns;
    block.coding = McsTable(carrier.linkTable)[block.mcs];
    block.rbgs = static_cast<uint16_t>(winner.rbgs);
    auto& grant = plan.grants[winner.grant];
    grant.block = index;
    block.tbs_bits =
        TransportBlockSize_bits(ResourcesOf(carrier, grant.prbs, symbols), block.coding);
    block.codeBlocks = SegmentTransportBlock(block.tbs_bits, block.coding.CodeRate());
    auto& counters = m_counters[ue.slice];
    block.range = ue.queue.Take(block.tbs_bits / 8,
                                HEADER_BYTES,
                                now_ns,
                                [&](const Sdu& sdu)
                                {
                                    ++counters.rlcSdu;
                                    counters.rlcSduDelay_ms += (now_ns - sdu.arrival_ns) * 1e-6;
                                });
    ++ue.busyProcesses;
    AccountTake(ue, block.range.Size(), now_ns);
    ue.averageRate_bps += block.tbs_bits / m_slotLength_s / RATE_MEMORY_SLOTS;
    ue.servedSlot = slot;
}

/// Throughput in bursts, TS 28.552, 5.1.1.3.1: the piece that empties the buffer does not count,
/// nor does the time after it was begun.
void NrCell::AccountTake(NrUe& ue, uint64_t bytes, int64_t now_ns)
{
    auto& counters = m_counters[ue.slice];
    counters.burstTime_ms += (now_ns - ue.burstMark_ns) * 1e-6;
    ue.burstMark_ns = now_ns;
    if (ue.queue.PendingBytes() > 0)
    {
        counters.burstBits += 8 * bytes;
    }
}

void NrCell::EndBacklog(NrUe& ue, int64_t now_ns)
{
    m_counters[ue.slice].activeUeTime_ms += (now_ns - ue.activeSince_ns) * 1e-6;
    ue.activeSince_ns = -1;
    ue.listed = false;
}

/// Density by slice and UE, scaled down together where the sum passes the cell's budget.
void NrCell::SetPower(SlotPlan& plan)
{
    double total_w = 0.0;
    for (std::size_t index = 0; index < plan.grants.size(); ++index)
    {
        const auto& grant = plan.grants[index];
        const auto& ue = m_network.ues[m_blocks[grant.block].ue];
        const double power_w = m_evenPower_w * m_powerBoost[ue.slice] * ue.powerFactor;
        for (uint32_t rbg = grant.firstRbg; rbg <= grant.lastRbg; ++rbg)
        {
            if (plan.owner[rbg] == index)
            {
                plan.power_w[rbg] = static_cast<float>(power_w);
            }
        }
        total_w += power_w * grant.prbs;
    }
    const double budget_w = m_evenPower_w * m_network.config.carrier.bandwidth_prb;
    if (total_w > budget_w)
    {
        const auto scale = static_cast<float>(budget_w / total_w);
        for (auto& power_w : plan.power_w)
        {
            power_w *= scale;
        }
    }
    plan.total_w = std::min(total_w, budget_w);
}

} // namespace slicebridge::nr
