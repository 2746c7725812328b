// SPDX-License-Identifier: GPL-2.0-only
#include "lte/qos-class.h"

#include <algorithm>
#include <array>

namespace slicebridge
{

namespace
{

constexpr std::array<uint8_t, 31> KNOWN{1,  2,  3,  4,  5,  6,  7,  8,  9,  65, 66,
                                        67, 69, 70, 71, 72, 73, 74, 75, 76, 79, 80,
                                        82, 83, 84, 85, 86, 87, 88, 89, 90};

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

bool IsKnownFiveQi(uint8_t fiveQi)
{
    return std::ranges::find(KNOWN, fiveQi) != KNOWN.end();
}

ns3::EpsBearer BearerOf(uint8_t fiveQi)
{
    ns3::EpsBearer bearer(static_cast<ns3::EpsBearer::Qci>(fiveQi));
    bearer.SetRelease(18);
    return bearer;
}

double SpectralEfficiency(uint8_t cqi)
{
    return EFFICIENCY[std::min<std::size_t>(cqi, EFFICIENCY.size() - 1)];
}

} // namespace slicebridge
