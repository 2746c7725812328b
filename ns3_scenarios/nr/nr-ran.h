// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_NR_RAN_H
#define SLICEBRIDGE_NR_NR_RAN_H

#include "nr/nr-cell.h"

#include "ns3/event-id.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace slicebridge::nr
{

/**
 * A network of NR cells at slot level, downlink: packets go into the cell that serves their UE, and
 * come out at the UE. Control channels, feedback and reports
 * are free of errors; the uplink is not simulated. One event per slot serves all cells, and none
 * is spent while no cell has anything to do.
 */
class NrRan : public Ran
{
  public:
    /// @param number what Send() was given
    using PacketCallback = std::function<void(uint32_t ue, uint32_t number, const ns3::Packet&)>;

    /// @param complete_ns simulated time at which the packet was complete
    using DeliveryCallback =
        std::function<void(uint32_t ue, uint32_t number, const ns3::Packet&, int64_t complete_ns)>;

    /**
     * Builds the network at simulated time zero.
     * @throws std::invalid_argument as ValidateNrRanConfig
     */
    explicit NrRan(NrRanConfig config);
    ~NrRan() override;
    NrRan(const NrRan&) = delete;
    NrRan& operator=(const NrRan&) = delete;

    // Ran
    std::size_t CellCount() const override;
    RanCell& Cell(std::size_t index) override;
    void ApplyUeControls(std::span<const UeControl> ues) override;
    void ReadUes(std::span<UeCounters> counters) const override;
    bool AllUesConnected() const override;

    /// Called when a packet is complete at its UE.
    void SetDeliveryCallback(PacketCallback callback);

    /**
     * The same without an event for it: packets that are complete are handed over, in order of
     * time, in a later slot or by CatchUp(). For receivers that nothing follows from.
     */
    void SetLateDeliveryCallback(DeliveryCallback callback);

    /// Hand over all packets that are complete by now.
    void CatchUp();

    /// Called with each packet that a queue drops.
    void SetDropCallback(PacketCallback callback);

    /// Called with each packet that is lost on the air: sent in part or whole, and given up.
    void SetLossCallback(PacketCallback callback);

    /// Who is told of every slot from now on; null: nobody.
    void SetSlotObserver(SlotObserver* observer);

    /**
     * A packet for a UE arrives at its cell now.
     * @param bytes on the air interface, headers of IP and UDP included
     * @param number handed to callbacks with it: a packet that has waited is out of the caches
     */
    void Send(uint32_t ue, ns3::Ptr<ns3::Packet> packet, uint32_t bytes, uint32_t number = 0);

    std::size_t UeCount() const;

    /// The node whose mobility model a UE has.
    ns3::Ptr<ns3::Node> UeNode(std::size_t ue) const;

    int32_t ServingCell(std::size_t ue) const;
    uint64_t Handovers() const;

  private:
    void Wake(int64_t after_ns);
    void Slot();
    void ConnectStrongest();
    void MeasureForHandover();

    NetworkState m_network;
    std::vector<std::unique_ptr<NrCell>> m_cells;
    std::vector<Delivery> m_deliveries; ///< in order of time
    ns3::EventId m_slot;
    int64_t m_slot_ns{DuQueue::NEVER}; ///< when it is
    ns3::EventId m_measurement;
    std::vector<uint16_t>
        m_betterFor; ///< [ue] measurements in a row in which a neighbour was better
    DeliveryCallback m_deliver;
    bool m_deliverOnTime{true};
    uint64_t m_handovers{};
};

} // namespace slicebridge::nr

#endif
