// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_DEPLOYMENT_H
#define SLICEBRIDGE_NR_DEPLOYMENT_H

#include "nr/nr-ran-config.h"

#include "ns3/node-container.h"

#include <cstdint>
#include <vector>

namespace slicebridge::nr
{

/// Nodes with ns-3 mobility models.
struct Deployment
{
    ns3::NodeContainer cells;
    ns3::NodeContainer ues;
    std::vector<double> ueSpeed_mps; ///< 0 for those that stand still
};

/**
 * Place cells and UEs. A UE without a position is placed uniformly over the disc of half the
 * inter-site distance around its cell, 10 m from the site at least; one that walks keeps its speed,
 * turns every 10 s or at the border, and stays in the rectangle around all discs and positions.
 *
 * @param firstStream positions and speeds use this stream, UE i's walk the stream 1 + 2 i after it
 */
Deployment Deploy(const NrRanConfig& config, int64_t firstStream);

} // namespace slicebridge::nr

#endif
