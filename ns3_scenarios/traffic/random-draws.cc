// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/random-draws.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace slicebridge
{

namespace
{

/// Streams of traffic begin here, far above those that RAN helpers hand out one by one.
constexpr int64_t FIRST_STREAM = int64_t{1} << 40;
/// Owners per purpose.
constexpr int64_t PURPOSE_STRIDE = int64_t{1} << 32;

} // namespace

RandomDraws::RandomDraws(DrawPurpose purpose, uint32_t owner)
    : m_uniform(ns3::CreateObject<ns3::UniformRandomVariable>())
{
    m_uniform->SetStream(FIRST_STREAM + static_cast<int64_t>(purpose) * PURPOSE_STRIDE + owner);
}

double RandomDraws::Uniform()
{
    return m_uniform->GetValue(0.0, 1.0);
}

double RandomDraws::Exponential()
{
    return -std::log(Uniform());
}

double RandomDraws::Beta34()
{
    std::array<double, 6> draws{};
    for (double& draw : draws)
    {
        draw = Uniform();
    }
    std::nth_element(draws.begin(), draws.begin() + 2, draws.end());
    return draws[2];
}

uint32_t RandomDraws::Index(uint32_t n)
{
    return m_uniform->GetInteger(0, n - 1);
}

} // namespace slicebridge
