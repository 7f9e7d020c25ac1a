#include "models/gemm_accelerator/gemm_layout.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "models/numerics/ceil_div.h"

namespace attnguard {
namespace {

/// Line and lane of product k and row or column `across` in a tile of `products`.
TileUse place(OperandRole role, std::uint32_t across, std::uint32_t k, std::uint32_t products) {
  switch (role) {
    case OperandRole::streamed:
      return {k, across};
    case OperandRole::moving:
      return {across, k};
    case OperandRole::stationary:
      return {products - 1 - k, across};
  }
  return {};
}

}  // namespace

GemmLayout::GemmLayout(const AcceleratorConfig& accelerator, const GemmShape& gemm)
    : shape(gemm),
      rows(accelerator.array.rows),
      cols(accelerator.array.cols),
      dataflow(accelerator.array.dataflow),
      operand(accelerator.formats.operand),
      output(accelerator.formats.output) {
  const bool output_stationary = dataflow == Dataflow::output_stationary,
             input_stationary = dataflow == Dataflow::input_stationary;
  fold_m = output_stationary ? rows : input_stationary ? cols : shape.m;
  fold_n = input_stationary ? shape.n : cols;
  fold_k = output_stationary ? shape.k : rows;
  m_tiles = ceil_div(shape.m, fold_m);
  n_tiles = ceil_div(shape.n, fold_n);
  k_tiles = ceil_div(shape.k, fold_k);
  const std::uint32_t bytes = bytes_of(operand);
  // Lines along K where a line is a product, else along the rows or columns that pass by.
  a = {m_tiles * k_tiles, dataflow == Dataflow::weight_stationary ? fold_m : fold_k,
       input_stationary ? cols : rows, bytes,
       output_stationary  ? OperandRole::streamed
       : input_stationary ? OperandRole::stationary
                          : OperandRole::moving};
  b = {n_tiles * k_tiles, input_stationary ? fold_n : fold_k, input_stationary ? rows : cols, bytes,
       output_stationary  ? OperandRole::streamed
       : input_stationary ? OperandRole::moving
                          : OperandRole::stationary};
  c = {m_tiles * n_tiles, lines_are_columns() ? fold_n : fold_m, cols, bytes_of(output)};
}

FoldExtent GemmLayout::fold(std::uint32_t index) const {
  FoldExtent fold = block(index / k_tiles);
  const std::uint32_t k_tile = index % k_tiles;
  fold.first_k = k_tile * fold_k;
  fold.k = std::min(fold_k, shape.k - fold.first_k);
  fold.first = k_tile == 0;
  fold.last = k_tile + 1 == k_tiles;
  return fold;
}

FoldExtent GemmLayout::block(std::uint32_t c_tile) const {
  FoldExtent block;
  block.first_m = c_tile / n_tiles * fold_m;
  block.first_n = c_tile % n_tiles * fold_n;
  block.m = std::min(fold_m, shape.m - block.first_m);
  block.n = std::min(fold_n, shape.n - block.first_n);
  block.k = shape.k;
  return block;
}

TileUse GemmLayout::use(OperandRole role, std::uint32_t across, std::uint32_t k) {
  return role == OperandRole::moving ? TileUse{across, k} : TileUse{k, across};
}

void GemmLayout::pack_tile(const OperandTiles& tiles, std::uint32_t tile, std::uint32_t across,
                           std::uint32_t products, const float* values, std::size_t across_stride,
                           std::size_t k_stride, std::vector<std::byte>& bytes) const {
  for (std::uint32_t i = 0; i < across; ++i)
    for (std::uint32_t k = 0; k < products; ++k) {
      const std::uint32_t raw = encode(operand, values[i * across_stride + k * k_stride]);
      const TileUse to = place(tiles.role, i, k, products);
      std::memcpy(bytes.data() + tiles.address(tile) + std::size_t{to.lines} * tiles.line_bytes() +
                      to.lanes * tiles.element_bytes,
                  &raw, tiles.element_bytes);
    }
}

GemmLayout::PackedOperands GemmLayout::pack(const GemmJob& job) const {
  PackedOperands packed{std::vector<std::byte>(a.bytes()), std::vector<std::byte>(b.bytes())};
  for (std::uint32_t index = 0; index < folds(); ++index) {
    const FoldExtent at = fold(index);  // an operand of several folds is packed with the first
    if (at.first_n == 0)
      pack_tile(a, a_tile(at), at.m, at.k,
                job.a.data() + std::size_t{at.first_m} * shape.k + at.first_k, shape.k, 1,
                packed.a);
    if (at.first_m == 0)
      pack_tile(b, b_tile(at), at.n, at.k,
                job.b.data() + std::size_t{at.first_k} * shape.n + at.first_n, 1, shape.n,
                packed.b);
  }
  return packed;
}

std::vector<std::uint32_t> GemmLayout::unpack_c(const std::byte* bytes) const {
  std::vector<std::uint32_t> values(std::size_t{shape.m} * shape.n);
  for (std::uint32_t tile = 0; tile < c.tiles; ++tile) {
    const FoldExtent at = block(tile);
    for (std::uint32_t m = 0; m < at.m; ++m)
      for (std::uint32_t n = 0; n < at.n; ++n) {
        const auto [line, lane] = lines_are_columns() ? std::pair(n, m) : std::pair(m, n);
        std::memcpy(
            &values[std::size_t{at.first_m + m} * shape.n + at.first_n + n],
            bytes + c.address(tile) + std::size_t{line} * c.line_bytes() + lane * c.element_bytes,
            c.element_bytes);
      }
  }
  return values;
}

}  // namespace attnguard
