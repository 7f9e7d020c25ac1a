// Matrix products of tiles, vectorised across lanes and never across a sum.
//
// west is [depth × stride], lanes fastest; north is [depth × north_stride]; sums are [cols ×
// stride], lanes fastest: layout and promises of kernels.h.
#pragma once

#include <cstddef>

#include "models/numerics/format.h"

namespace attnguard {

/// out[n][lane] = sum over k (ascending, from +0, product rounded then added) of west[k][lane] *
/// north[k][n]. west [depth × stride], north [depth × north_stride] (cols used), out [cols ×
/// stride].
void matmul_tile(const float* west, const float* north, float* out, std::size_t depth,
                 std::size_t cols, std::size_t lanes, std::size_t stride, std::size_t north_stride);

/// Operands and extents of one product onto sums that already stand somewhere.
struct TileProduct {
  const float* west = nullptr;  ///< [depth × west_stride], lanes used
  std::size_t west_stride = 0;
  const float* north = nullptr;  ///< [depth × north_stride], cols used
  std::size_t north_stride = 0;
  std::size_t depth = 0, cols = 0, lanes = 0;
};

/// sum[n][lane], [cols × stride], carried on over the product's `depth`. sum_format float32: as
/// matmul_tile, from the sum as it stands. int32: operands are values of int8, sums the bits of an
/// int32, modulo 2^32 in any order.
void matmul_onto(Format sum_format, const TileProduct& product, float* sum, std::size_t stride);

}  // namespace attnguard
