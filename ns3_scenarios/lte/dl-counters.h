// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_DL_COUNTERS_H
#define SLICEBRIDGE_LTE_DL_COUNTERS_H

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace slicebridge
{

/// Running downlink totals of one slice in one cell.
struct DlSliceCounters
{
    uint64_t prbUsed{};             ///< PRB x TTI, first transmissions and repetitions of data
    uint64_t prbRetx{};             ///< thereof repetitions
    uint64_t prbRetxOverCap{};      ///< thereof above the cap, because they could not wait longer
    uint64_t ttisRetxOverCap{};     ///< TTIs in which that happened
    uint64_t ttisRetxWaited{};      ///< repetitions held back for the cap, summed over TTIs
    uint64_t tb{};                  ///< transport blocks sent, repetitions included
    uint64_t tbError{};             ///< thereof answered by NACK
    std::array<uint64_t, 32> mcs{}; ///< PRB x TTI by MCS index, once for each layer
    std::array<uint64_t, 16> cqi{}; ///< wideband CQI reports by value
};

/// Running downlink totals of a cell.
struct DlCellCounters
{
    uint64_t ttis{};
    uint64_t prbAvailable{};  ///< PRB x TTI that could be allocated (24 of 25 at 25 PRBs)
    uint64_t prbSignalling{}; ///< thereof used by signalling, which is in no slice
};

/// Running downlink totals of a UE since it came to this cell, and its state.
struct DlUeCounters
{
    std::optional<uint32_t> slice; ///< none before its data bearer is set up
    uint64_t prbUsed{};            ///< PRB x TTI, signalling and repetitions included
    uint64_t prbRetx{};
    uint64_t tb{};
    uint64_t tbError{};

    uint8_t cqi{};              ///< last wideband CQI, 0 before the first
    double averageRate_bps{};   ///< served rate, averaged over 99 TTIs
    uint64_t ttisSinceServed{}; ///< since the last transport block, or since it came
    double weight{1.0};         ///< in force
};

/// What happened in one TTI, for the trace source `DlTti`. Units are RBGs.
struct DlTtiRecord
{
    struct Slice
    {
        uint32_t wanted{};    ///< units that its buffers could fill
        uint32_t cap{};       ///< units it may use
        uint32_t granted{};   ///< units that the allocator gave for new data
        uint32_t newUnits{};  ///< used by new data
        uint32_t retxUnits{}; ///< used by repetitions
        uint32_t retxOver{};  ///< thereof above the cap, because they could not wait longer
    };

    uint64_t tti{};
    uint32_t allocatable{}; ///< all units
    uint32_t signalling{};  ///< used by signalling, its repetitions included
    std::vector<Slice> slices;
};

/// A transport block that the scheduler has decided on.
struct DlSentBlock
{
    uint16_t rnti{};
    std::optional<uint32_t> slice; ///< none for signalling
    uint8_t process{};             ///< HARQ
    uint8_t layer{};
    uint8_t mcs{};
    uint32_t tbs_bytes{};
    uint32_t rbgs{};         ///< bitmap
    uint8_t transmission{1}; ///< 1: new data
    bool sharesRbgs{false};  ///< with the block before it, on another layer
};

/// HARQ feedback of a transport block has come.
struct DlAnsweredBlock
{
    uint16_t rnti{};
    uint8_t process{};
    uint8_t layer{};
    uint32_t age_ttis{}; ///< since it was decided on
    bool ack{};
};

/// Told of every transport block, while it is in place.
class DlObserver
{
  public:
    virtual ~DlObserver() = default;

    virtual void OnSent(const DlSentBlock& block) = 0;
    virtual void OnAnswered(const DlAnsweredBlock& block) = 0;
};

} // namespace slicebridge

#endif
