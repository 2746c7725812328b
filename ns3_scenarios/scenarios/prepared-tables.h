// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_PREPARED_TABLES_H
#define SLICEBRIDGE_SCENARIOS_PREPARED_TABLES_H

namespace slicebridge
{

/**
 * Make the tables that simulations make when they first need them, so that forks share them. They
 * are constants: neither scenario nor seed changes them, and no random number is drawn.
 */
void PrepareTables();

} // namespace slicebridge

#endif
