// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/layer-products.h"

#include <cstring>

namespace slicebridge
{

namespace
{

/// Explicit vectors: left to itself, GCC keeps these loops scalar.
using Lanes [[gnu::vector_size(PRODUCT_LANES * sizeof(double))]] = double;

/// Sums at a time: as many chains of additions as hide the latency of one, and fit the registers.
constexpr std::size_t MOST_VECTORS = 8;

template <std::size_t VECTORS>
[[gnu::always_inline]] inline void AddBlock(const double* values,
                                            std::size_t count,
                                            const double* weights,
                                            std::size_t stride,
                                            double* sums)
{
    Lanes partial[VECTORS];
    std::memcpy(partial, sums, sizeof partial);
    for (std::size_t i = 0; i < count; ++i)
    {
        const double value = values[i];
        const Lanes everywhere{value, value, value, value};
        for (std::size_t k = 0; k < VECTORS; ++k)
        {
            Lanes weight;
            std::memcpy(&weight, weights + k * PRODUCT_LANES, sizeof weight);
            partial[k] += everywhere * weight;
        }
        weights += stride;
    }
    std::memcpy(sums, partial, sizeof partial);
}

[[gnu::always_inline]] inline void AddProducts(const double* values,
                                               std::size_t count,
                                               const double* weights,
                                               std::size_t stride,
                                               double* sums)
{
    constexpr std::size_t BLOCK = MOST_VECTORS * PRODUCT_LANES;
    std::size_t o = 0;
    for (; o + BLOCK <= stride; o += BLOCK)
    {
        AddBlock<MOST_VECTORS>(values, count, weights + o, stride, sums + o);
    }
    for (; o < stride; o += PRODUCT_LANES)
    {
        AddBlock<1>(values, count, weights + o, stride, sums + o);
    }
}

#ifdef __x86_64__
[[gnu::target("avx")]] void AddProductsWithAvx(std::span<const double> values,
                                               const double* weights,
                                               std::span<double> sums)
{
    AddProducts(values.data(), values.size(), weights, sums.size(), sums.data());
}
#endif

} // namespace

void LayerProductsAnywhere(std::span<const double> values,
                           const double* weights,
                           std::span<double> sums)
{
    AddProducts(values.data(), values.size(), weights, sums.size(), sums.data());
}

LayerProducts FastestLayerProducts()
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx"))
    {
        return AddProductsWithAvx;
    }
#endif
    return LayerProductsAnywhere;
}

} // namespace slicebridge
