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
    using PacketCallback = std::function<void(uint32_t ue, const ns3::Packet&)>;

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

    /// Called with each packet that a queue drops.
    void SetDropCallback(PacketCallback callback);

    /// Called with each packet that is lost on the air: sent in part or whole, and given up.
    void SetLossCallback(PacketCallback callback);

    /// Who is told of every slot from now on; null: nobody.
    void SetSlotObserver(SlotObserver* observer);

    /**
     * A packet for a UE arrives at its cell now.
     * @param bytes on the air interface, headers of IP and UDP included
     */
    void Send(uint32_t ue, ns3::Ptr<ns3::Packet> packet, uint32_t bytes);

    std::size_t UeCount() const;

    /// The node whose mobility model a UE has.
    ns3::Ptr<ns3::Node> UeNode(std::size_t ue) const;

    int32_t ServingCell(std::size_t ue) const;
    uint64_t Handovers() const;

  private:
    /// Packets that reach their UEs at one instant.
    struct Arrivals
    {
        std::vector<Delivery> deliveries;
    };

    void Wake();
    void Slot();
    void Deliver(std::size_t batch);
    void ConnectStrongest();
    void MeasureForHandover();

    NetworkState m_network;
    std::vector<std::unique_ptr<NrCell>> m_cells;
    std::vector<Arrivals> m_arrivals; ///< ring over slots
    ns3::EventId m_slot;
    ns3::EventId m_measurement;
    std::vector<uint16_t>
        m_betterFor; ///< [ue] measurements in a row in which a neighbour was better
    PacketCallback m_deliver;
    uint64_t m_handovers{};
};

} // namespace slicebridge::nr

#endif
