// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_SUMMARY_H
#define SLICEBRIDGE_SCENARIOS_SUMMARY_H

#include "scenarios/scenario.h"
#include "slicing/ran.h"
#include "traffic/packet-ledger.h"

#include "ns3/nstime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace slicebridge
{

/// What a run came to, a line per slice, for whoever started it by hand.
class Summary
{
  public:
    /// @param scenario, ran, ledger outlive it
    Summary(const Scenario& scenario, Ran& ran, const PacketLedger& ledger);

    /// Measurement begins now.
    void Start();

    /// A table of what was measured until now.
    std::string Text() const;

  private:
    /// Running totals of a slice over all cells.
    struct Totals
    {
        uint64_t prbUsed{};
        uint64_t prbAvailable{};
        uint64_t bytesSent{};
        uint64_t bytesDelivered{};
    };

    std::vector<Totals> ReadTotals() const;
    std::string Line(std::size_t slice, const Totals& now) const;

    const Scenario& m_scenario;
    Ran& m_ran;
    const PacketLedger& m_ledger;
    std::vector<Totals> m_before;
    ns3::Time m_start;
};

} // namespace slicebridge

#endif
