// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_LTE_RAN_H
#define SLICEBRIDGE_LTE_LTE_RAN_H

#include "lte/lte-ran-config.h"
#include "slicing/ran.h"
#include "slicing/slot-observer.h"

#include "ns3/ipv4-address.h"
#include "ns3/node.h"
#include "ns3/packet.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace slicebridge
{

class LteNetwork;

/// Where a packet was refused or discarded before any part of it was sent over the air.
enum class LteDropCause : uint8_t
{
    DuQueue,   ///< the DU processing queue was full
    RlcQueue,  ///< the RLC transmission buffer was full
    Handover,  ///< still in the RLC buffer of the source cell when the UE left it
    NoContext, ///< no cell was connected to the UE
};

/**
 * An LTE network on ns-3's own stack: EPC (remote host, PGW, SGW, MME), X2, PDCP, RLC UM or AM per
 * slice, HARQ, and the slice-aware downlink scheduler in each cell. RRC is ns-3's ideal one:
 * messages arrive at once and are never lost. Radio link failure is switched off, so a UE leaves a
 * cell by handover only.
 *
 * Order of calls: SetLteDefaults(); then the user's own attribute defaults; then the constructor.
 * Sources are to start when AllUesConnected() says so: before that the EPC has no bearer and drops
 * packets unseen. Links of the core network add no delay of their own: a packet's delay is that of
 * the RAN.
 *
 * Random streams 1,000,000 and above are this network's.
 */
class LteRan : public Ran
{
  public:
    /// Called with each packet that a queue drops: the whole SDU, with every tag and byte tag that
    /// it was sent with, below headers of IP, GTP-U or PDCP.
    using DropCallback = std::function<void(const ns3::Packet&, LteDropCause)>;

    /**
     * Builds the network at simulated time zero.
     * @throws std::invalid_argument as ValidateLteRanConfig
     */
    explicit LteRan(LteRanConfig config);
    ~LteRan() override;
    LteRan(const LteRan&) = delete;
    LteRan& operator=(const LteRan&) = delete;

    std::size_t CellCount() const override;
    RanCell& Cell(std::size_t index) override;
    void ApplyUeControls(std::span<const UeControl> ues) override;
    void ReadUes(std::span<UeCounters> counters) const override;
    bool AllUesConnected() const override;

    void SetDropCallback(DropCallback callback);

    /// Who is told of every TTI from now on; null: nobody.
    void SetSlotObserver(SlotObserver* observer);

    /// Host on the internet behind the PGW: the place for traffic sources.
    ns3::Ptr<ns3::Node> RemoteHost() const;
    std::size_t UeCount() const;
    ns3::Ptr<ns3::Node> UeNode(std::size_t ue) const;
    ns3::Ptr<ns3::Node> CellNode(std::size_t cell) const;
    ns3::Ipv4Address UeAddress(std::size_t ue) const;

    /// Index of the cell that serves the UE now, -1 if none.
    int32_t ServingCell(std::size_t ue) const;

    /// Handovers completed so far.
    uint64_t Handovers() const;

  private:
    std::unique_ptr<LteNetwork> m_network;
};

/**
 * Set the ns-3 attribute defaults that this stack needs (bearer table of release 18, RLC buffers,
 * sounding period for the number of UEs, ...), so that a scenario's own `attributes` may still
 * override them. Call it before anything else is created.
 */
void SetLteDefaults(const LteRanConfig& config);

} // namespace slicebridge

#endif
