// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_RAN_ATTACHMENT_H
#define SLICEBRIDGE_SCENARIOS_RAN_ATTACHMENT_H

#include "scenarios/scenario.h"
#include "slicing/ran.h"
#include "slicing/slot-observer.h"
#include "traffic/packet-ledger.h"

#include "ns3/node.h"
#include "ns3/nstime.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace slicebridge
{

/// A network of any radio access technology, and how packets reach its UEs.
class RanAttachment
{
  public:
    virtual ~RanAttachment() = default;

    virtual Ran& GetRan() = 0;

    /// LTE's subframe, NR's slot.
    virtual ns3::Time Tti() const = 0;

    /// Index of the cell that serves a UE now, -1 if none.
    virtual int32_t ServingCell(std::size_t ue) const = 0;

    /// Node that traffic sources run on.
    virtual ns3::Ptr<ns3::Node> SourceNode() const = 0;

    /// True if packets lost on the air are reported to the ledger, not left for it to infer.
    virtual bool ReportsAirLosses() const = 0;

    /// How slots and carriers are cut.
    virtual SlotGrid Grid() const = 0;

    /// Who is told of every slot from now on; null: nobody.
    virtual void ObserveSlots(SlotObserver* observer) = 0;

    /**
     * Capture the packets of every link that there is, from now on.
     * @param prefix of the files
     * @throws std::invalid_argument if there is no link
     */
    virtual void CapturePackets(const std::string& prefix) = 0;

    /**
     * Report to `ledger` what UEs receive and queues drop.
     * @return one way to each UE
     */
    virtual std::vector<PacketOutlet> Connect(PacketLedger& ledger) = 0;
};

/**
 * Build the network of a scenario at simulated time zero.
 * @param setUserDefaults called once the network's own attribute defaults are set, before
 * anything is created
 * @throws std::invalid_argument if the RAN cannot do what the scenario asks; names the key
 */
std::unique_ptr<RanAttachment> MakeRan(const Scenario& scenario,
                                       const std::function<void()>& setUserDefaults);

} // namespace slicebridge

#endif
