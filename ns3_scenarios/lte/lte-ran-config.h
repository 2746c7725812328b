// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_LTE_RAN_CONFIG_H
#define SLICEBRIDGE_LTE_LTE_RAN_CONFIG_H

#include "layout/layout-config.h"
#include "slicing/du-queue.h"
#include "slicing/slice.h"

#include "ns3/vector.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace slicebridge
{

/// The carrier that every cell uses (reuse 1, so cells interfere with each other).
struct LteCarrierConfig
{
    uint32_t bandwidth_prb{25}; ///< 6, 15, 25, 50, 75 or 100
    uint32_t dlEarfcn{100};     ///< TS 36.101, 5.7.3; the uplink is paired with it (FDD)
    double txPower_dbm{43.0};   ///< of a cell, its power budget
    double noiseFigureUe_db{9.0};
};

enum class LtePropagationModel : uint8_t
{
    Cost231,     ///< COST 231 Hata, urban
    LogDistance, ///< reference loss at 1 m, exponent
    /// The same loss between every UE and the cell it was placed in; other cells are out of reach,
    /// so there is neither interference nor handover.
    ConstantLoss,
    /// ConstantLoss with the losses that give this SINR in the downlink at 0 dB of P_A, and in the
    /// uplink when a UE sends over the whole bandwidth at its full power.
    ConstantSinr,
};

struct LtePropagationConfig
{
    LtePropagationModel model{LtePropagationModel::Cost231};
    double exponent{3.5};
    double referenceLoss_db{46.7};
    double loss_db{100.0}; ///< ConstantLoss
    double sinr_db{20.0};  ///< ConstantSinr
    bool jakesFading{true};
};

enum class LteRlcMode : uint8_t
{
    Unacknowledged,
    Acknowledged,
};

struct LteSliceConfig
{
    SliceConfig slice;
    LteRlcMode rlc{LteRlcMode::Unacknowledged};
};

/// A whole LTE network, ready to be built.
struct LteRanConfig
{
    LteCarrierConfig carrier;
    SiteConfig sites;
    LtePropagationConfig propagation;
    UeMobilityConfig mobility;
    DuConfig du;
    std::vector<LteSliceConfig> slices;
    std::vector<UeConfig> ues; ///< in scenario order
};

/// True for models in which a UE is in reach of one cell alone.
bool IsConstant(LtePropagationModel model);

/**
 * Check what the types cannot say: bandwidths, ranges, indices, and that no cell gets more UEs than
 * LTE has sounding reference signals for (320).
 * @throws std::invalid_argument with one line that names the scenario key and what is allowed
 */
void ValidateLteRanConfig(const LteRanConfig& config);

} // namespace slicebridge

#endif
