// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_DL_UE_H
#define SLICEBRIDGE_LTE_DL_UE_H

#include "lte/dl-buffers.h"
#include "lte/dl-counters.h"
#include "lte/dl-cqi.h"
#include "lte/dl-harq.h"
#include "slicing/ue-ranking.h"

#include <cstdint>

namespace slicebridge
{

/// What the downlink scheduler keeps of a connected UE.
struct DlUe
{
    DlUe(uint16_t ueRnti, const TbTable& table, uint64_t tti)
        : rnti(ueRnti),
          cqi(table),
          lastServedTti(tti)
    {
    }

    uint16_t rnti;
    DlBuffers buffers;
    DlCqi cqi;
    DlHarq harq;
    double averageRate_bps{8.0}; ///< starts at 1 byte/s, as ns-3's own PF does
    uint64_t lastServedTti;
    uint64_t turn{}; ///< when it got an RBG last, in RBGs handed out in the cell
    DlUeCounters
        counters; ///< `slice` and `weight` in force; the derived fields are filled on request

    // Within the present TTI.
    bool repeating{};          ///< a repetition has its one DCI
    uint32_t signallingRbgs{}; ///< bitmap
    uint32_t dataRbgs{};       ///< bitmap
    uint32_t units{};          ///< RBGs in `dataRbgs`
    uint32_t wantedUnits{};    ///< RBGs that its data fill
    uint32_t sent_bytes{};     ///< of first transmissions
    UeRankingInput ranking;    ///< all but the achievable rate

    void BeginTti()
    {
        repeating = false;
        signallingRbgs = 0;
        dataRbgs = 0;
        units = 0;
        wantedUnits = 0;
        sent_bytes = 0;
    }
};

} // namespace slicebridge

#endif
