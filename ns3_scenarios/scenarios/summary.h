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
    struct PrbTotals
    {
        uint64_t used{};
        uint64_t available{};
    };

    /// Of each slice over all cells.
    std::vector<PrbTotals> ReadPrbs() const;
    std::string Line(std::size_t slice, double length_s, double prb_percent) const;

    const Scenario& m_scenario;
    Ran& m_ran;
    const PacketLedger& m_ledger;
    std::vector<PrbTotals> m_before;
    ns3::Time m_start;
};

} // namespace slicebridge

#endif
