// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/prepared-tables.h"

#include "nr/block-error.h"
#include "nr/jakes-table.h"

#include "ns3/rng-stream.h"

namespace slicebridge
{

void PrepareTables()
{
    for (const uint8_t modulationOrder : {2, 4, 6, 8})
    {
        nr::InformationAtLinear(modulationOrder, 1.0F);
    }
    nr::JakesTable::Get();
    const ns3::RngStream makesItsPowers(1, 0, 0);
}

} // namespace slicebridge
