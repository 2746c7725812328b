// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_NR_RAN_CONFIG_H
#define SLICEBRIDGE_NR_NR_RAN_CONFIG_H

#include "layout/layout-config.h"
#include "nr/carrier.h"
#include "nr/modulation-coding.h"
#include "nr/tdl-profile.h"
#include "slicing/du-queue.h"
#include "slicing/slice.h"

#include "ns3/vector.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slicebridge::nr
{

/// The carrier that every cell uses (reuse 1, so cells interfere with each other).
struct CarrierConfig
{
    uint8_t numerology{1};
    uint32_t bandwidth_prb{51};
    uint32_t rbgSize_prb{4};
    double frequency_hz{3.5e9};
    double txPower_dbm{43.0}; ///< of a cell, its power budget, spread evenly over its PRBs
    double noiseFigureUe_db{9.0};
    std::string slotPattern{"D"}; ///< "D" is FDD; "DDDSU" a TDD pattern
    uint8_t controlSymbols{1};    ///< at the start of a slot, 0..3
    uint8_t dataSymbols{12};      ///< PDSCH symbols of a downlink slot, 1..14 - controlSymbols
    uint8_t specialSymbols{9};    ///< PDSCH symbols of a special slot, 0..dataSymbols
    uint32_t dmrsResPerPrb{12};   ///< resource elements per PRB and slot without data
    uint32_t overheadPerPrb{0};   ///< `xOverhead`: 0, 6, 12, 18
    LinkTable linkTable{LinkTable::Qam64};

    /// [mcs] SINR at which a block over the whole carrier fails with 10 %, in place of the own
    /// model's; empty: the own model.
    std::vector<double> errorTable_db;
};

/// Processing times and HARQ.
struct HarqConfig
{
    uint8_t processes{16};    ///< per UE, 1..32
    uint8_t transmissions{4}; ///< of a block at most, 1..8
    uint8_t n0_slots{2};      ///< scheduling decision to transmission
    uint8_t k1_slots{2};      ///< transmission to its feedback (K1); TDD: at least
    uint8_t n2_slots{1};      ///< feedback to the next scheduling decision
    double decode_us{100.0};  ///< last data symbol to delivery
};

/// Channel state reports and link adaptation.
struct CsiConfig
{
    uint32_t period_slots{10}; ///< of sub-band CQI reports, >= 1
    uint32_t delay_slots{4};   ///< from measurement to use
    double outerLoopStep_db{
        0.5}; ///< down per error; up by this x target / (1 - target) per success
};

enum class PropagationModel : uint8_t
{
    Uma, ///< TR 38.901, 7.4.1, ns-3's ThreeGppUmaPropagationLossModel and LOS condition
    Umi, ///< UMi street canyon
    Rma,
    Inh,          ///< indoor hotspot, open office
    ConstantLoss, ///< the same loss to the cell a UE was placed in; others are out of reach
    ConstantSinr, ///< ConstantLoss with the loss that gives this SINR
};

/// Which way the line-of-sight condition is drawn.
enum class LineOfSight : uint8_t
{
    Random, ///< by the probability of TR 38.901, table 7.4.2-1
    Always,
    Never,
};

struct PropagationConfig
{
    PropagationModel model{PropagationModel::Uma};
    LineOfSight lineOfSight{LineOfSight::Random};
    bool shadowing{true};
    double loss_db{100.0}; ///< ConstantLoss
    double sinr_db{20.0};  ///< ConstantSinr
    std::optional<TdlModel> fading{TdlModel::C};
    double delaySpread_ns{100.0};
};

/// A whole NR network, ready to be built.
struct NrRanConfig
{
    CarrierConfig carrier;
    HarqConfig harq;
    CsiConfig csi;
    SiteConfig sites;
    PropagationConfig propagation;
    UeMobilityConfig mobility;
    DuConfig du;
    std::vector<SliceConfig> slices;
    std::vector<UeConfig> ues;           ///< in scenario order
    uint32_t rlcBuffer_bytes{3'000'000}; ///< per UE
};

/**
 * Check what the types cannot say.
 * @throws std::invalid_argument with one line that names the scenario key and what is allowed
 */
void ValidateNrRanConfig(const NrRanConfig& config);

} // namespace slicebridge::nr

#endif
