// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_RANDOM_DRAWS_H
#define SLICEBRIDGE_TRAFFIC_RANDOM_DRAWS_H

#include "ns3/random-variable-stream.h"

#include <cstdint>

namespace slicebridge
{

/// What a source draws random numbers for. Each has a stream of its own per UE or slice, so that
/// no draw depends on what happens elsewhere, and policies meet the same traffic.
enum class DrawPurpose : uint8_t
{
    Arrivals, ///< per UE
    Phases,   ///< per UE: on and off times
    Load,     ///< per slice
};

/// Uniform numbers of one purpose of one UE (or slice), from a fixed ns-3 stream.
class RandomDraws
{
  public:
    /**
     * @param purpose what the numbers are for
     * @param owner number of the UE, or of the slice
     */
    RandomDraws(DrawPurpose purpose, uint32_t owner);

    /// In (0, 1).
    double Uniform();

    /// Exponential of mean one.
    double Exponential();

    /// Beta(3, 4), in (0, 1): the third smallest of six uniform numbers has that distribution.
    double Beta34();

    /// One of 0 .. n-1.
    uint32_t Index(uint32_t n);

  private:
    ns3::Ptr<ns3::UniformRandomVariable> m_uniform;
};

} // namespace slicebridge

#endif
