// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_QOS_CLASS_H
#define SLICEBRIDGE_LTE_QOS_CLASS_H

#include "ns3/eps-bearer.h"

#include <cstdint>

namespace slicebridge
{

/// True if ns-3's bearer table of release 18 has this QCI.
bool HasBearer(uint8_t qci);

/// A bearer of this QCI, looked up in the table of release 18 whatever the process default is.
ns3::EpsBearer BearerOf(uint8_t qci);

/// Bit/s/Hz of a wideband CQI, 0 to 15 (TS 36.213, table 7.2.3-1); 0 for CQI 0.
double SpectralEfficiency(uint8_t cqi);

} // namespace slicebridge

#endif
