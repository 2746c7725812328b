// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_LAYER_PRODUCTS_H
#define SLICEBRIDGE_SLICING_LAYER_PRODUCTS_H

#include <cstddef>
#include <span>

namespace slicebridge
{

/// Outputs of a layer are stored in whole vectors of so many doubles.
constexpr std::size_t PRODUCT_LANES = 4;

/**
 * sums[o] += values[0] * weights[0][o], then values[1] * weights[1][o], and so on.
 * @param weights [value][sums.size()]
 * @param sums as many as a multiple of PRODUCT_LANES
 */
using LayerProducts = void (*)(std::span<const double> values,
                               const double* weights,
                               std::span<double> sums);

/// For every x86-64 processor, and for others.
void LayerProductsAnywhere(std::span<const double> values,
                           const double* weights,
                           std::span<double> sums);

/// With the widest vectors that the processor has, up to AVX. The operations and their order are
/// the same and none is fused, so the bits are too.
LayerProducts FastestLayerProducts();

} // namespace slicebridge

#endif
