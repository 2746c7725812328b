// SPDX-License-Identifier: GPL-2.0-only
#include "nr/nr-ran-config.h"

#include <stdexcept>

namespace slicebridge::nr
{

namespace
{

void Require(bool holds, const std::string& message)
{
    if (!holds)
    {
        throw std::invalid_argument(message);
    }
}

void ValidateCarrier(const CarrierConfig& carrier)
{
    Require(carrier.numerology <= 3, "carrier.numerology must be 0, 1, 2 or 3");
    Require(carrier.bandwidth_prb >= 1 && carrier.bandwidth_prb <= 275,
            "carrier.bandwidth_prb must be 1 to 275");
    Require(carrier.rbgSize_prb >= 1 && carrier.rbgSize_prb <= carrier.bandwidth_prb,
            "carrier.rbg_size_prb must be 1 to carrier.bandwidth_prb");
    Require(carrier.controlSymbols + carrier.dataSymbols <= 14 && carrier.dataSymbols >= 1,
            "carrier.control_symbols and carrier.data_symbols must fit into 14 symbols");
    Require(carrier.specialSymbols <= carrier.dataSymbols,
            "carrier.special_symbols must not pass carrier.data_symbols");
    Require(carrier.dmrsResPerPrb + carrier.overheadPerPrb < 12U * carrier.dataSymbols,
            "carrier.dmrs_res_per_prb leaves no resource element for data");
    Require(carrier.errorTable_db.empty() ||
                carrier.errorTable_db.size() == McsTable(carrier.linkTable).size(),
            "carrier.error_table_db must have a value for each MCS of carrier.mcs_table");
    ParseSlotPattern(carrier.slotPattern);
}

} // namespace

void ValidateNrRanConfig(const NrRanConfig& config)
{
    ValidateCarrier(config.carrier);
    Require(config.sites.count >= 1 && config.sites.count <= 19, "cells.count must be 1 to 19");
    Require(config.sites.positions_m.empty() ||
                config.sites.positions_m.size() == config.sites.count,
            "cells.positions_m must have cells.count entries");
    Require(!config.slices.empty() && config.slices.size() <= 8, "slices: 1 to 8 are possible");
    Require(!config.ues.empty(), "slices: at least one UE is needed");
    for (const auto& ue : config.ues)
    {
        Require(ue.slice < config.slices.size() && ue.cell < config.sites.count,
                "a UE names a slice or cell that does not exist");
    }
    Require(config.harq.processes >= 1 && config.harq.processes <= 32,
            "harq.processes must be 1 to 32");
    Require(config.harq.transmissions >= 1, "harq.transmissions must be at least 1");
    Require(config.harq.decode_us >= 0.0 && config.harq.decode_us <= 1000.0,
            "harq.decode_us must be 0 to 1000");
    Require(config.csi.period_slots >= 1, "csi.period_slots must be at least 1");
}

} // namespace slicebridge::nr
