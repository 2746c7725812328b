// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_PACKET_LEDGER_H
#define SLICEBRIDGE_TRAFFIC_PACKET_LEDGER_H

#include "slicing/end-to-end-counters.h"
#include "slicing/ran.h"
#include "traffic/delay-histogram.h"
#include "traffic/traffic-packet.h"

#include "ns3/event-id.h"
#include "ns3/nstime.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace slicebridge
{

/// What became of a packet; the values are those of docs/records.md.
enum class PacketFate : int32_t
{
    Delivered = 0,
    DroppedQueue = 1, ///< refused or discarded by a queue (DU, PDCP, RLC)
    LostAir = 2,      ///< sent over the air, never complete at the UE
    OnItsWay = 3,
};

/// A packet whose fate is settled for good, or as far as it is known at the end of a simulation.
struct PacketRecord
{
    int64_t sent_ns{};    ///< simulated time since time zero
    int64_t delay_ns{-1}; ///< -1 if it did not arrive
    uint32_t ue{};
    uint32_t slice{};
    int32_t cell{};
    uint32_t bytes{};
    PacketFate fate{PacketFate::OnItsWay};
};

/// Packets by what became of them.
struct PacketTotals
{
    uint64_t sent{};
    uint64_t delivered{};
    uint64_t droppedQueue{};
    uint64_t lostAir{};
    uint64_t late{}; ///< thereof delivered, but above the delay budget
    uint64_t bytesSent{};
    uint64_t bytesDelivered{};
    double delay_ms{}; ///< sum over delivered packets

    uint64_t OnTheirWay() const
    {
        return sent - delivered - droppedQueue - lostAir;
    }
};

/// What the ledger has to know of the network.
struct LedgerConfig
{
    std::size_t cells{};
    std::vector<uint32_t> ueSlice; ///< slice id of each UE
    std::vector<std::optional<double>> sliceDelayBudget_ms;

    /// A packet that a later one of its UE overtook is held for lost after this time, as is one of
    /// a UE for which the RAN has held and sent nothing for so long. Longer than HARQ and the RLC's
    /// own reordering timer (100 ms) together.
    ns3::Time reordering{ns3::MilliSeconds(250)};

    /// False where the RAN reports what it loses on the air, OnAirLoss().
    bool inferAirLosses{true};

    /// A packet held for lost by inference is still known, and put right should it arrive, for this
    /// time after it was sent.
    ns3::Time retention{ns3::Seconds(10)};
};

/**
 * Follows every packet from the traffic source to the UE application.
 *
 * At every instant, for each cell and slice, sent = delivered + dropped in a queue + lost on the
 * air + on its way; a packet counts in the cell that served its UE when it was sent. All five are
 * kept as things happen, and none is computed from the others.
 *
 * Where nobody reports losses on the air, they are inferred: bearers deliver in order, hence a
 * packet is lost once a later one of its UE has arrived and a reordering time has passed, or once
 * the RAN has neither held nor sent anything of the UE for that time. An inference that proves
 * wrong is taken back when the packet arrives.
 */
class PacketLedger : public EndToEndCounters
{
  public:
    explicit PacketLedger(LedgerConfig config);
    ~PacketLedger() override;
    PacketLedger(const PacketLedger&) = delete;
    PacketLedger& operator=(const PacketLedger&) = delete;

    /**
     * A source sends a packet now.
     * @param cell that serves the UE, 0 .. cells - 1
     * @param bytes UDP payload
     * @return its identity
     */
    PacketId OnSent(uint32_t ue, std::size_t cell, uint32_t bytes);

    /// The UE application got the packet now. A second delivery of it changes nothing.
    void OnDelivered(PacketId id);

    /// The same for one that it got at an earlier time, after all that were reported before it.
    void OnDelivered(PacketId id, int64_t delivered_ns);

    /// `catchUp` reports deliveries that are due; called before anything is read or recorded that
    /// might depend on them.
    void SetCatchUp(std::function<void()> catchUp);

    /// A queue refused or discarded the packet now. Nothing changes if its fate is known already.
    void OnQueueDrop(PacketId id);

    /// The same for whatever packet or fragment a queue held; ignored if it is not of a source.
    void OnQueueDrop(const ns3::Packet& packet);

    /// The RAN gave up the packet after sending it. Nothing changes if its fate is known already.
    void OnAirLoss(PacketId id);

    /// Ask `ran` periodically which UEs have nothing in flight, for packets that nothing follows.
    void Watch(const Ran& ran);

    /**
     * UE `ue` has had nothing in flight for the reordering time: what it is still owed and was
     * sent before that time is lost.
     */
    void OnQuiet(uint32_t ue);

    /// From now on packets sent go into the delay histogram and to the record sink.
    void StartMeasurement();

    /// Receives packets sent since the start of measurement, each once, when nothing more can
    /// change about it.
    void SetRecordSink(std::function<void(const PacketRecord&)> sink);

    /// End of the simulation: hands every packet that is left to the record sink.
    void Close();

    /// Packets of a slice that were sent since the start of measurement.
    const PacketTotals& Measured(std::size_t slice) const;

    /// Delays of those that were delivered.
    const DelayHistogram& Delays(std::size_t slice) const;

    void CompleteSlices(std::size_t cell, std::span<SliceCounters> slices) const override;
    void CompleteUes(std::span<UeCounters> ues) const override;

  private:
    struct Entry
    {
        int64_t sent_ns;
        int64_t delay_ns;
        uint32_t bytes;
        int16_t cell;
        PacketFate fate;
        bool measured;
    };

    struct Flow
    {
        std::deque<Entry> entries; ///< from sequence number `first` on
        uint32_t first{};
        uint32_t next{};
        uint32_t deliveredBelow{}; ///< 1 + the highest sequence number that has arrived
        uint32_t settledBelow{};   ///< nothing before this number is on its way
        uint32_t horizon{}; ///< what is on its way before it is lost when `reordering` expires
        ns3::EventId reordering;
        PacketTotals totals;
    };

    static uint64_t* FateCounter(PacketTotals& totals, PacketFate fate);

    Entry* Find(PacketId id);
    std::size_t Place(std::size_t cell, std::size_t slice) const;
    std::size_t PlaceOf(uint32_t ue, const Entry& entry) const;
    template <typename Change>
    void ChangeTotals(uint32_t ue, const Entry& entry, Change change);
    void SetFate(uint32_t ue, Entry& entry, PacketFate fate);
    void AwaitReordering(uint32_t ue);
    void OnReorderingExpired(uint32_t ue);
    void Settle(uint32_t ue);
    void Record(uint32_t ue, const Entry& entry) const;
    void Sweep(const Ran* ran);

    LedgerConfig m_config;
    std::vector<Flow> m_flows;
    std::vector<PacketTotals> m_totals; ///< [cell][slice]
    std::vector<uint64_t> m_onTheirWay; ///< [cell][slice]
    std::vector<PacketTotals>
        m_measured; ///< [slice], of packets sent since the start of measurement
    std::vector<DelayHistogram> m_delays;
    std::vector<UeCounters> m_sweepCounters;
    ns3::EventId m_sweep;
    bool m_measuring{false};
    std::function<void(const PacketRecord&)> m_sink;
    std::function<void()> m_catchUp{[] {}};
};

} // namespace slicebridge

#endif
