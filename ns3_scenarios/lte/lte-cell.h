// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_LTE_CELL_H
#define SLICEBRIDGE_LTE_LTE_CELL_H

#include "lte/bearer-tap.h"
#include "lte/guarded-carrier-manager.h"
#include "lte/lte-ran-config.h"
#include "lte/lte-ran.h"
#include "lte/s1u-gate.h"
#include "lte/slice-ff-mac-scheduler.h"
#include "slicing/du-processor.h"
#include "slicing/ran.h"
#include "slicing/slot-observer.h"

#include "ns3/lte-enb-net-device.h"
#include "ns3/lte-enb-rrc.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace slicebridge
{

/// What all cells of a network need to know of a UE.
struct LteUeRecord
{
    uint32_t slice{};
    UeControl control;
    // MAC totals in cells that it has left.
    uint64_t prbUsed{};
    uint64_t tb{};
    uint64_t tbError{};
};

/// What cells ask of the network that they are part of.
struct LteCellSurroundings
{
    std::vector<LteUeRecord>& ues;
    const LteRan::DropCallback& dropped;
    /// UE of a GTP-U tunnel.
    std::function<std::optional<uint32_t>(uint32_t teid)> ueOfTunnel;
    /// Hand a packet for a UE that has left `from` to the cell that has the UE now.
    std::function<void(std::size_t from, DuPacket&& packet)> reroute;
};

/**
 * One eNB with its scheduler, its DU processing queue and the taps on its bearers: applies slice
 * controls and keeps the cell's totals.
 */
class LteCell : public RanCell, private DlObserver
{
  public:
    LteCell(std::size_t index,
            const LteRanConfig& config,
            ns3::Ptr<ns3::LteEnbNetDevice> device,
            LteCellSurroundings surroundings);
    ~LteCell() override;
    LteCell(const LteCell&) = delete;
    LteCell& operator=(const LteCell&) = delete;

    void ApplySliceControls(std::span<const SliceControl> slices) override;
    void ReadSlices(std::span<SliceCounters> counters) const override;

    /// Who is told of every TTI from now on; null: nobody.
    void SetSlotObserver(SlotObserver* observer);

    /**
     * A UE's data bearer has been made in this cell, at its attachment or for its handover.
     * @return its GTP-U tunnel
     */
    uint32_t AddUe(uint32_t ue, uint16_t rnti);
    /// The UE has set up its end of the bearer: the cell serves it from now on.
    void ConnectUe(uint32_t ue, ns3::Ptr<ns3::LteDataRadioBearerInfo> bearer);
    /// The UE listens to another cell from now on.
    void LeaveUe(uint32_t ue);
    /// A UE's handover to this cell is complete: a power level that had to wait for it is set.
    void OnHandoverEnd();

    /// True if this cell has a bearer of the UE, be it before, during or after it serves it.
    bool HasContext(uint32_t ue) const;
    /// True if both ends of the UE's bearer in this cell are set up.
    bool Serves(uint32_t ue) const;

    /// The UE's weight as its record says; the power offset waits for the next slice control.
    void ApplyUeWeight(uint32_t ue);
    void ReadUe(uint32_t ue, UeCounters& counters) const;
    /// Take over a packet from the processing queue of a cell that the UE has left.
    void TakeOver(DuPacket&& packet);

  private:
    struct Context
    {
        uint16_t rnti{};
        std::unique_ptr<BearerTap> tap;
        uint8_t paLevel{};
        double powerOffset_db{}; ///< as of the last slice control, or of when the UE came
        uint64_t prbSettled{};   ///< PRB x TTI whose energy is in m_energy_j
    };

    void OnSent(const DlSentBlock& block) override;
    void OnAnswered(const DlAnsweredBlock& block) override;
    void ConfigureScheduler(const LteRanConfig& config);
    uint32_t LeastOpportunity_bytes(uint16_t rnti, uint8_t lcid) const;
    std::optional<uint32_t> UeOfRnti(uint16_t rnti) const;
    void OnArrival(ns3::Ptr<ns3::Packet> packet, uint32_t teid, uint32_t bytes);
    void OnRelease(uint16_t rnti, const DlUeCounters& counters);
    void RefreshPower();
    void SetPaLevel(Context& context, uint32_t slice, uint8_t level);
    double UnsettledEnergy_j(const Context& context) const;
    void ReadBearers(std::size_t slice, SliceCounters& counters) const;
    void ReadRadio(std::size_t slice, SliceCounters& counters) const;
    void ReadPresent(std::size_t slice, SliceCounters& counters) const;
    const Context* Find(uint32_t ue) const;
    Context* Find(uint32_t ue);

    std::size_t m_index;
    SlotObserver* m_slotObserver{};
    LteCellSurroundings m_around;
    ns3::Ptr<ns3::LteEnbNetDevice> m_device;
    ns3::Ptr<ns3::LteEnbRrc> m_rrc;
    ns3::Ptr<SliceFfMacScheduler> m_scheduler;
    ns3::Ptr<GuardedCarrierManager> m_carrierManager;
    std::vector<LteRlcMode> m_rlcModes;
    double m_budget_w;
    double m_energyPerPrb_j; ///< of one PRB in one TTI at 0 dB
    double m_compute_bps;
    std::vector<RrmPolicyRatio> m_policies;
    std::vector<float> m_powerShares; ///< empty before the first decision: 0 dB for all
    std::vector<double> m_energy_j;
    std::vector<BearerTotals> m_bearerTotals;
    std::map<uint32_t, Context> m_contexts;             ///< by UE
    std::vector<std::unique_ptr<BearerTap>> m_pastTaps; ///< ns-3 may still hold pointers to them
    DuProcessor m_du;
    S1uGate m_gate;
};

} // namespace slicebridge

#endif
