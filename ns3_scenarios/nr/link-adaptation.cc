// SPDX-License-Identifier: GPL-2.0-only
#include "nr/link-adaptation.h"

#include <algorithm>
#include <cmath>

namespace slicebridge::nr
{

/// By bisection: the block error rate falls with the SINR.
double SinrFor_db(const PdschResources& resources,
                  const ModulationCoding& coding,
                  double blockErrorRate,
                  double gap_db)
{
    const auto blocks =
        SegmentTransportBlock(TransportBlockSize_bits(resources, coding), coding.CodeRate());
    double low_db = -25.0 + gap_db;
    double high_db = 40.0 + gap_db;
    while (high_db - low_db > 1e-3)
    {
        const double middle_db = 0.5 * (low_db + high_db);
        GatheredInformation gathered;
        gathered.Add(InformationAt(coding.modulationOrder, middle_db - gap_db),
                     ResourceElements(resources));
        (BlockErrorRate(blocks, gathered) > blockErrorRate ? low_db : high_db) = middle_db;
    }
    return high_db;
}

PdschResources ResourcesOf(const CarrierConfig& carrier, uint32_t prbs, uint32_t symbols)
{
    return {prbs, symbols, carrier.dmrsResPerPrb, carrier.overheadPerPrb, 1};
}

double BlockErrorTarget(const SliceConfig& slice)
{
    constexpr uint8_t SST_URLLC = 2;
    if (slice.sNssai.sst != SST_URLLC)
    {
        return 0.1;
    }
    return std::clamp(1.0 - slice.sla.reliability.value_or(0.999), 1e-5, 1e-3);
}

std::vector<double> ReceiverGaps_db(const CarrierConfig& carrier)
{
    const auto table = McsTable(carrier.linkTable);
    std::vector<double> gaps_db(table.size(), RECEIVER_GAP_DB);
    const auto resources = ResourcesOf(carrier, carrier.bandwidth_prb, carrier.dataSymbols);
    for (std::size_t mcs = 0; mcs < carrier.errorTable_db.size(); ++mcs)
    {
        // The gap shifts the whole curve, so the difference of two of its points is exact.
        gaps_db[mcs] += carrier.errorTable_db[mcs] - SinrFor_db(resources, table[mcs], 0.1);
    }
    return gaps_db;
}

SinrThresholds::SinrThresholds(const CarrierConfig& carrier,
                               std::span<const ModulationCoding> table,
                               std::span<const double> gaps_db,
                               double blockErrorTarget)
{
    const auto resources = ResourcesOf(carrier, carrier.bandwidth_prb, carrier.dataSymbols);
    double highest_db = -100.0;
    for (std::size_t i = 0; i < table.size(); ++i)
    {
        // Where a table changes modulation, two entries of one efficiency may be out of order.
        highest_db =
            std::max(highest_db, SinrFor_db(resources, table[i], blockErrorTarget, gaps_db[i]));
        m_threshold_db.push_back(highest_db);
    }
    for (std::size_t i = 0; i < POINTS; ++i)
    {
        const auto reached = std::ranges::upper_bound(m_threshold_db, LOWEST_DB + i * STEP_DB);
        m_reached[i] = static_cast<uint8_t>(reached - m_threshold_db.begin());
        while (m_least.size() < m_reached[i])
        {
            m_least.push_back(static_cast<float>(std::pow(10.0, (LOWEST_DB + i * STEP_DB) / 10.0)));
        }
    }
    for (std::size_t bin = 0; bin < m_before.size(); ++bin)
    {
        const auto bits = FIRST_BITS + (static_cast<uint32_t>(bin) << BIN_BITS);
        const auto reached = std::ranges::upper_bound(m_least, std::bit_cast<float>(bits));
        m_before[bin] = static_cast<uint8_t>(reached - m_least.begin());
    }
}

SinrThresholds SinrThresholds::OfMcs(const CarrierConfig& carrier, double blockErrorTarget)
{
    return {carrier, McsTable(carrier.linkTable), ReceiverGaps_db(carrier), blockErrorTarget};
}

SinrThresholds SinrThresholds::OfCqi(const CarrierConfig& carrier)
{
    const auto table = CqiTable(carrier.linkTable);
    const auto ofMcs_db = ReceiverGaps_db(carrier);
    std::vector<double> gaps_db;
    for (uint8_t cqi = 1; cqi <= table.size(); ++cqi)
    {
        gaps_db.push_back(ofMcs_db[McsOfCqi(carrier.linkTable, cqi)]);
    }
    return {carrier, table, gaps_db, 0.1};
}

} // namespace slicebridge::nr
