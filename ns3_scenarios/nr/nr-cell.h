// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_NR_CELL_H
#define SLICEBRIDGE_NR_NR_CELL_H

#include "nr/block-error.h"
#include "nr/link-adaptation.h"
#include "nr/nr-ue.h"
#include "nr/radio-environment.h"
#include "slicing/du-queue.h"
#include "slicing/ran.h"
#include "slicing/slot-observer.h"
#include "slicing/ue-ranking.h"
#include "slicing/unit-allocator.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace slicebridge::nr
{

class NrCell;

/// What all cells of a network share.
struct NetworkState
{
    explicit NetworkState(NrRanConfig networkConfig);

    NrRanConfig config;
    RadioEnvironment environment;
    SinrThresholds cqiThresholds;
    std::vector<SinrThresholds> mcsThresholds; ///< [slice], for its block error target
    std::vector<double> blockErrorTargets;     ///< [slice]
    std::vector<float> receiverLoss;           ///< [mcs] what its gap leaves of the SINR
    std::vector<SlotKind> slotPattern;
    std::vector<NrUe> ues;
    std::vector<NrCell*> cells;

    /// [cell] transmit power per PRB, averaged over the last slots: what the interference in
    /// channel state reports is measured from.
    std::vector<double> meanPower_w;

    SlotObserver* observer{}; ///< none: nobody is told of slots

    /// Called with each packet that a queue of a UE drops.
    std::function<void(uint32_t ue, uint32_t number, const ns3::Packet&)> onDropped;

    /// Called with each packet of which a part was sent and is given up.
    std::function<void(uint32_t ue, uint32_t number, const ns3::Packet&)> onLost;

    /// PDSCH symbols of a slot, 0 if it has none.
    uint32_t DataSymbols(int64_t slot) const;

    /// From a transmission in this slot to the first decision that knows its feedback: K1, or with
    /// TDD until the first later slot that has an uplink symbol for it, and N2.
    uint32_t FeedbackDelay_slots(int64_t slot) const;

    /// Slots ahead or behind for which plans and feedback are kept.
    std::size_t RingSize() const;

    uint32_t RbgPrbs(uint32_t rbg) const
    {
        const uint32_t size = config.carrier.rbgSize_prb;
        return std::min(size, config.carrier.bandwidth_prb - rbg * size);
    }

    /// Called when a DU has a packet complete at a time: the first slot after it has something to
    /// do.
    std::function<void(int64_t complete_ns)> wake;

    /// When what a slot carried is decoded and handed up.
    int64_t ReceptionTime_ns(int64_t slot) const;
};

/// An SDU on its way through the decoder of its UE.
struct Delivery
{
    int64_t complete_ns;
    uint32_t ue;
    uint32_t number; ///< what its sender knows it by
    ns3::Ptr<ns3::Packet> packet;
};

/**
 * One cell: HARQ, link adaptation, division of RBGs between slices and UEs, and reception. All
 * cells of a network pass the three steps of a slot together: OnFeedback, Decide, Transmit.
 */
class NrCell : public RanCell
{
  public:
    NrCell(NetworkState& network, std::size_t index);

    // RanCell
    void ApplySliceControls(std::span<const SliceControl> slices) override;
    void ReadSlices(std::span<SliceCounters> counters) const override;

    void Connect(uint32_t ue);

    /**
     * Leave the cell: what was sent and not decoded is lost, the rest stays in the UE's queue.
     * @return what the DU had not processed, for TakeOver() of the next cell
     */
    std::vector<DuPacket> Disconnect(uint32_t ue);

    void TakeOver(std::vector<DuPacket> packets);

    /// A packet for a connected UE comes to the DU.
    void Send(DuPacket&& packet);

    /// Let the DU's packets that are complete before a time join their UEs' queues. Nothing looks
    /// at these between slots but what reads counters, so that it takes no event of its own.
    void AdvanceDu(int64_t before_ns);

    /// When the DU has its next packet complete, DuQueue::NEVER without one.
    int64_t NextCompletion_ns() const;

    /// The DU's queues, as of the last AdvanceDu().
    const DuQueue& Du() const
    {
        return m_du;
    }

    /// An average served rate after so many slots without service.
    static double DecayedRate_bps(double rate_bps, double idleSlots);

    /// True if a slot without new arrivals still has something to do.
    bool Busy() const
    {
        return !m_backlogged.empty() || m_outstanding > 0;
    }

    void OnFeedback(int64_t slot);
    void Decide(int64_t slot);
    void Transmit(int64_t slot, std::vector<Delivery>& deliveries);

    /// Bring NetworkState::meanPower_w of this cell up to a slot.
    void UpdateMeanPower(int64_t slot);

  private:
    void Admit(DuPacket&& packet, int64_t now_ns);
    void Refuse(const DuPacket& packet);
    void OnBacklog(uint32_t ue, int64_t now_ns);

    static constexpr uint32_t NOBODY = UINT32_MAX;

    /// A transport block from its first transmission until it is decoded or given up.
    struct Block
    {
        uint32_t ue{NOBODY}; ///< NOBODY: free, or its UE has left
        ByteRange range;
        uint32_t tbs_bits{};
        CodeBlocks codeBlocks{};
        ModulationCoding coding{};
        uint8_t mcs{};
        uint8_t transmissions{};
        uint16_t rbgs{};
        bool decoded{false};
        bool atReport{false};      ///< its MCS is the highest that the CQI reports allow
        uint32_t outerLoopDowns{}; ///< of its UE when it was built
        int64_t sentSlot{};        ///< last transmission
        GatheredInformation gathered;

        /// Uniform in [0, 1), drawn once: the noise of a transmission stays in what repetitions add
        /// to, so a block fails after all of them with the error rate of what they add up to.
        double luck{};
    };

    struct Grant
    {
        uint32_t block;
        uint32_t slice;
        uint16_t firstRbg;
        uint16_t lastRbg;
        uint32_t prbs; ///< of its own RBGs, which lie between these two
    };

    struct SlotPlan
    {
        int64_t slot{-1};
        std::vector<Grant> grants;
        std::vector<uint32_t> owner; ///< [rbg] index in grants, NOBODY if idle
        std::vector<float> power_w;  ///< [rbg] per PRB
        double total_w{};
    };

    struct McsChoice
    {
        uint8_t mcs;
        bool atReport; ///< a better outer loop would not have raised it
    };

    /// A UE with data, while a slot is divided: what it takes to rank it, for there may be many.
    struct Candidate
    {
        uint32_t ue{};
        uint32_t winner{NOBODY}; ///< index in m_winners
        double rankPerRate{};
        const float* rate_bps{}; ///< [rbg]
        float bestRate_bps{};    ///< of them
        bool satisfied{false};   ///< there is room for all its data
    };

    /// What a UE needs.
    struct Need
    {
        double bytes{};
        double bytesPerRbg{};
    };

    /// A candidate that got an RBG.
    struct Winner
    {
        uint32_t ue{};
        uint32_t grant{};
        Need need; ///< that found no room yet
        uint32_t rbgs{};
        double sumSinr_db{};
        double bestSinr_db{-1e9};
    };

    SlotPlan& PlanOf(int64_t slot);
    const SlotPlan* FindPlan(int64_t slot) const;
    void CollectCandidates(int64_t slot);
    Candidate MakeCandidate(uint32_t index, int64_t slot);
    Need NeedOf(const NrUe& ue) const;
    void CollectDemand();
    void RefreshReport(uint32_t index, int64_t slot);
    void Report(uint32_t index, int64_t slot);
    void DiscardExpired(uint32_t index, int64_t now_ns);
    McsChoice ChooseMcs(const NrUe& ue, double sinr_db, double best_db) const;
    void AdjustOuterLoop(const Block& block);
    void SpreadSlices(std::span<const uint32_t> quota, int64_t slot);
    RrmPolicyRatio InRbgs(const RrmPolicyRatio& policy) const;
    void GrantRepetitions(SlotPlan& plan, uint32_t slice, std::size_t& next);
    void GrantNewData(SlotPlan& plan, uint32_t slice, std::size_t first);
    void RankOnAllRbgs(std::span<const Candidate> candidates);
    std::size_t BestOn(uint32_t rbg, std::span<const Candidate> candidates) const;
    void GrantRbg(SlotPlan& plan, uint32_t slice, uint32_t rbg, Candidate& candidate);
    void BuildBlock(SlotPlan& plan, const Winner& winner, int64_t slot, uint32_t symbols);
    void AccountTake(NrUe& ue, uint64_t bytes, int64_t now_ns);
    void EndBacklog(NrUe& ue, int64_t now_ns);
    void SetPower(SlotPlan& plan);
    void Gather(const SlotPlan& plan, std::size_t grant, uint32_t symbols);
    void AddInterference(uint32_t ue,
                         int64_t slot,
                         uint32_t first,
                         std::span<float> interference_w);
    void Settle(uint32_t index, bool decoded, int64_t slot, std::vector<Delivery>& deliveries);
    void AccountTransmission(const SlotPlan& plan);
    void ReportGrants(const SlotPlan& plan) const;
    void ReportFeedback(uint32_t index, int64_t slot) const;
    double ElementsPerPrb(uint32_t symbols) const;
    void Lose(const Block& block);
    void TabulateCqi();
    uint32_t NewBlock();
    void Free(uint32_t block);

    NetworkState& m_network;
    std::size_t m_index;
    uint32_t m_rbgs;
    std::size_t m_slices;
    double m_slotLength_s;
    double m_evenPower_w;                   ///< the power budget per PRB
    double m_rbgSymbols;                    ///< data symbols of a whole RBG in a downlink slot
    std::vector<int64_t> m_discardAfter_ns; ///< [slice]

    std::vector<double> m_powerBoost;     ///< [slice] relative to an even spectral density
    std::vector<double> m_powerBoost_db;  ///< the same
    std::vector<double> m_delayBudget_ms; ///< [slice]
    std::vector<double> m_lossTarget;     ///< [slice]
    UnitAllocator m_allocator;
    DuQueue m_du;

    std::array<double, 16> m_cqiSinr_db{}; ///< [cqi] that it is taken for
    std::array<float, 16> m_cqiRate_bps{}; ///< [cqi] of a whole RBG

    std::vector<uint32_t> m_backlogged; ///< UEs with something in their queue
    std::vector<uint32_t> m_connected;
    std::vector<Block> m_blocks;
    std::vector<uint32_t> m_freeBlocks;
    std::vector<std::vector<uint32_t>> m_repetitions; ///< [slice] blocks that wait to be repeated
    std::vector<SlotPlan> m_plans;                    ///< ring over slots
    std::vector<std::vector<uint32_t>> m_feedback;    ///< ring over slots: blocks
    uint32_t m_outstanding{};                         ///< blocks in use

    int64_t m_meanPowerSlot{};

    // Scratch of the slot, kept to allocate nothing.
    std::vector<std::vector<Candidate>> m_candidates; ///< [slice]
    std::vector<SliceDemand> m_demand;
    std::vector<std::size_t> m_sliceOfRbg;          ///< [rbg] in this slot; m_slices: nobody's
    std::vector<uint32_t> m_given;                  ///< [slice] RBGs while they are spread
    std::vector<std::vector<uint16_t>> m_sliceRbgs; ///< [slice] RBGs that are its in this slot
    std::vector<float> m_gains;
    std::vector<float> m_interference_w;
    std::vector<float> m_neighbourGains;
    std::vector<float> m_equalRates; ///< [rbg] ones
    std::vector<Winner> m_winners;
    std::vector<double> m_highestRank;   ///< [rbg] of a slice's candidates
    std::vector<int64_t> m_highestIndex; ///< [rbg] whose rank it is
    double m_rbgElements{};              ///< of a whole RBG in the slot that is decided

    std::vector<SliceCounters> m_counters;
};

} // namespace slicebridge::nr

#endif
