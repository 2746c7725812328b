// SPDX-License-Identifier: GPL-2.0-only
#include "lte/qos-class.h"

#include "slicing/five-qi.h"

#include <algorithm>
#include <array>

namespace slicebridge
{

namespace
{

constexpr std::array<double, 16> EFFICIENCY{0.0,
                                            0.1523,
                                            0.2344,
                                            0.3770,
                                            0.6016,
                                            0.8770,
                                            1.1758,
                                            1.4766,
                                            1.9141,
                                            2.4063,
                                            2.7305,
                                            3.3223,
                                            3.9023,
                                            4.5234,
                                            5.1152,
                                            5.5547};

} // namespace

bool HasBearer(uint8_t qci)
{
    constexpr uint8_t SATELLITE_VIDEO = 10; // younger than ns-3's table
    return qci != SATELLITE_VIDEO && FindFiveQi(qci);
}

ns3::EpsBearer BearerOf(uint8_t qci)
{
    ns3::EpsBearer bearer(static_cast<ns3::EpsBearer::Qci>(qci));
    bearer.SetRelease(18);
    return bearer;
}

double SpectralEfficiency(uint8_t cqi)
{
    return EFFICIENCY[std::min<std::size_t>(cqi, EFFICIENCY.size() - 1)];
}

} // namespace slicebridge
