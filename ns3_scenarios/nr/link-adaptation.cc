// SPDX-License-Identifier: GPL-2.0-only
#include "nr/link-adaptation.h"

#include "nr/block-error.h"

#include <algorithm>
#include <cmath>

namespace slicebridge::nr
{

namespace
{

/// By bisection: the block error rate falls with the SINR.
double Threshold_db(const PdschResources& resources, const ModulationCoding& coding, double target)
{
    const auto blocks =
        SegmentTransportBlock(TransportBlockSize_bits(resources, coding), coding.CodeRate());
    double low_db = -25.0;
    double high_db = 40.0;
    while (high_db - low_db > 1e-3)
    {
        const double middle_db = 0.5 * (low_db + high_db);
        GatheredInformation gathered;
        gathered.Add(InformationAt(coding.modulationOrder, middle_db - LDPC_GAP_DB),
                     ResourceElements(resources));
        (BlockErrorRate(blocks, gathered) > target ? low_db : high_db) = middle_db;
    }
    return high_db;
}

} // namespace

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

SinrThresholds::SinrThresholds(const CarrierConfig& carrier,
                               std::span<const ModulationCoding> table,
                               double blockErrorTarget)
{
    const auto resources = ResourcesOf(carrier, carrier.bandwidth_prb, carrier.dataSymbols);
    double highest_db = -100.0;
    for (const auto& coding : table)
    {
        // Where a table changes modulation, two entries of one efficiency may be out of order.
        highest_db = std::max(highest_db, Threshold_db(resources, coding, blockErrorTarget));
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
}

SinrThresholds SinrThresholds::OfMcs(const CarrierConfig& carrier, double blockErrorTarget)
{
    return {carrier, McsTable(carrier.linkTable), blockErrorTarget};
}

SinrThresholds SinrThresholds::OfCqi(const CarrierConfig& carrier)
{
    return {carrier, CqiTable(carrier.linkTable), 0.1};
}

} // namespace slicebridge::nr
