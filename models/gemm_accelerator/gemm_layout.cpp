#include "models/gemm_accelerator/gemm_layout.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace attnguard {
namespace {

constexpr std::uint32_t ceil_div(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

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

std::vector<std::byte> GemmLayout::pack_a(const GemmJob& job) const {
  std::vector<std::byte> bytes(a.bytes());
  for (std::uint32_t index = 0; index < folds(); ++index) {
    const FoldExtent at = fold(index);
    if (at.first_n > 0) continue;  // the operand of an earlier fold
    std::byte* tile = bytes.data() + a.address(a_tile(at));
    for (std::uint32_t m = 0; m < at.m; ++m)
      for (std::uint32_t k = 0; k < at.k; ++k) {
        const std::uint32_t raw =
            encode(operand, job.a[std::size_t{at.first_m + m} * shape.k + at.first_k + k]);
        const TileUse to = place(a.role, m, k, at.k);
        std::memcpy(tile + std::size_t{to.lines} * a.line_bytes() + to.lanes * a.element_bytes,
                    &raw, a.element_bytes);
      }
  }
  return bytes;
}

std::vector<std::byte> GemmLayout::pack_b(const GemmJob& job) const {
  std::vector<std::byte> bytes(b.bytes());
  for (std::uint32_t index = 0; index < folds(); ++index) {
    const FoldExtent at = fold(index);
    if (at.first_m > 0) break;  // the operand of an earlier fold
    std::byte* tile = bytes.data() + b.address(b_tile(at));
    for (std::uint32_t k = 0; k < at.k; ++k)
      for (std::uint32_t n = 0; n < at.n; ++n) {
        const std::uint32_t raw =
            encode(operand, job.b[std::size_t{at.first_k + k} * shape.n + at.first_n + n]);
        const TileUse to = place(b.role, n, k, at.k);
        std::memcpy(tile + std::size_t{to.lines} * b.line_bytes() + to.lanes * b.element_bytes,
                    &raw, b.element_bytes);
      }
  }
  return bytes;
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
