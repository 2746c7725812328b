// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_TDL_PROFILE_H
#define SLICEBRIDGE_NR_TDL_PROFILE_H

#include <cstdint>
#include <span>

namespace slicebridge::nr
{

/// Tapped delay line models of 3GPP TR 38.901, tables 7.7.2-1 to 7.7.2-5.
enum class TdlModel : uint8_t
{
    A,
    B,
    C,
    D,
    E,
};

/// One tap. All taps of A, B and C are Rayleigh; D and E begin with a constant (LOS) tap.
struct Tap
{
    double normalisedDelay; ///< times the delay spread
    double power_db;        ///< as printed, not normalised to sum 1
    bool lineOfSight;       ///< constant amplitude, Doppler 0.7 of the maximum
};

/// The taps in the order of the standard's table.
std::span<const Tap> TdlTaps(TdlModel model);

} // namespace slicebridge::nr

#endif
