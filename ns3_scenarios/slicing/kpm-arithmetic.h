// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_KPM_ARITHMETIC_H
#define SLICEBRIDGE_SLICING_KPM_ARITHMETIC_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace slicebridge::kpm
{

/// Growth of a total. Negative if the total went back, as inferred losses may.
inline double Growth(uint64_t before, uint64_t now)
{
    return static_cast<double>(static_cast<int64_t>(now - before));
}

inline double Growth(double before, double now)
{
    return now - before;
}

/// Mean or rate; 0 where there is nothing to divide by.
inline double Ratio(double part, double whole)
{
    return whole > 0.0 ? part / whole : 0.0;
}

/// A ratio of packets. Losses taken back can make a window's counts negative, but no ratio.
inline double PacketRatio(double part, double whole)
{
    return std::clamp(Ratio(part, whole), 0.0, 1.0);
}

/// Index of the row of that name. @throws std::out_of_range if there is none
template <typename Definition>
std::size_t Column(std::span<const Definition> table, std::string_view name)
{
    for (std::size_t i = 0; i < table.size(); ++i)
    {
        if (table[i].name == name)
        {
            return i;
        }
    }
    throw std::out_of_range("no measurement is named '" + std::string(name) + "'");
}

} // namespace slicebridge::kpm

#endif
