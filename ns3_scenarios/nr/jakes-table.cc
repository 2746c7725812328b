// SPDX-License-Identifier: GPL-2.0-only
#include "nr/jakes-table.h"

#include <algorithm>
#include <numbers>
#include <random>

namespace slicebridge::nr
{

namespace
{

using Spectrum = std::vector<std::complex<double>>;

/// In-place inverse discrete Fourier transform without scaling; the size is a power of two.
void InverseFft(Spectrum& data)
{
    const std::size_t size = data.size();
    for (std::size_t i = 1, j = 0; i < size; ++i)
    {
        std::size_t bit = size >> 1;
        for (; j & bit; bit >>= 1)
        {
            j ^= bit;
        }
        j ^= bit;
        if (i < j)
        {
            std::swap(data[i], data[j]);
        }
    }
    for (std::size_t half = 1; half < size; half *= 2)
    {
        for (std::size_t k = 0; k < half; ++k)
        {
            const auto twiddle = std::polar(1.0, std::numbers::pi * k / half);
            for (std::size_t start = k; start < size; start += 2 * half)
            {
                const auto odd = data[start + half] * twiddle;
                data[start + half] = data[start] - odd;
                data[start] += odd;
            }
        }
    }
}

/// Jakes' spectrum has the distribution function 1/2 + asin(f / f_d) / pi.
double PowerBelow(double frequency)
{
    return 0.5 + std::asin(std::clamp(frequency, -1.0, 1.0)) / std::numbers::pi;
}

} // namespace

JakesTable::JakesTable()
{
    // A fixed seed of the standard's own generator: the same bits on every machine and run. Runs
    // differ by the offsets at which links read.
    std::mt19937_64 random(0x6a616b6573ULL);
    constexpr int HARMONICS = PERIOD_WAVELENGTHS;
    Spectrum spectrum(SIZE);
    for (int harmonic = -HARMONICS; harmonic <= HARMONICS; ++harmonic)
    {
        const double power =
            PowerBelow((harmonic + 0.5) / HARMONICS) - PowerBelow((harmonic - 0.5) / HARMONICS);
        const double phase = 2.0 * std::numbers::pi * static_cast<double>(random() >> 11) * 0x1p-53;
        spectrum[(harmonic + SIZE) % SIZE] = std::polar(std::sqrt(power), phase);
    }
    InverseFft(spectrum);
    m_samples.assign(spectrum.begin(), spectrum.end());
    m_samples.push_back(m_samples.front());
}

const JakesTable& JakesTable::Get()
{
    static const JakesTable table;
    return table;
}

} // namespace slicebridge::nr
