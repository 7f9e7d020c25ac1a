#include "models/gemm_accelerator/gemm_layout.h"

#include <algorithm>
#include <cstring>

namespace attnguard {
namespace {

constexpr std::uint32_t ceil_div(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

/// Element (line, lane) of tile t is value(t, line, lane) where there is one, +0 past the edge.
template <class Value>
std::vector<std::byte> pack(const OperandTiles& tiles, Format format, const Value& value) {
  std::vector<std::byte> bytes(tiles.bytes());
  std::byte* to = bytes.data();
  for (std::uint32_t tile = 0; tile < tiles.tiles; ++tile)
    for (std::uint32_t line = 0; line < tiles.lines; ++line)
      for (std::uint32_t lane = 0; lane < tiles.lanes; ++lane, to += tiles.element_bytes)
        if (const float* element = value(tile, line, lane)) {
          const std::uint32_t raw = encode(format, *element);
          std::memcpy(to, &raw, tiles.element_bytes);
        }
  return bytes;
}

}  // namespace

GemmLayout::GemmLayout(const AcceleratorConfig& accelerator, const GemmShape& gemm)
    : shape(gemm),
      rows(accelerator.array.rows),
      cols(accelerator.array.cols),
      operand(accelerator.formats.operand),
      output(accelerator.formats.output) {
  a = {ceil_div(shape.m, rows), shape.k, rows, bytes_of(operand)};
  b = {ceil_div(shape.n, cols), shape.k, cols, bytes_of(operand)};
  c = {a.tiles * b.tiles, rows, cols, bytes_of(output)};
}

std::uint32_t GemmLayout::folds() const { return c.tiles; }

FoldExtent GemmLayout::fold(std::uint32_t index) const { return block(index); }

FoldExtent GemmLayout::block(std::uint32_t c_tile) const {
  FoldExtent block;
  block.first_m = c_tile / b.tiles * rows;
  block.first_n = c_tile % b.tiles * cols;
  block.m = std::min(rows, shape.m - block.first_m);
  block.n = std::min(cols, shape.n - block.first_n);
  block.k = shape.k;
  return block;
}

std::vector<std::byte> GemmLayout::pack_a(const GemmJob& job) const {
  return pack(a, operand, [&](std::uint32_t tile, std::uint32_t k, std::uint32_t lane) {
    const std::size_t m = std::size_t{tile} * rows + lane;
    return m < shape.m ? &job.a[m * shape.k + k] : nullptr;
  });
}

std::vector<std::byte> GemmLayout::pack_b(const GemmJob& job) const {
  return pack(b, operand, [&](std::uint32_t tile, std::uint32_t k, std::uint32_t lane) {
    const std::size_t n = std::size_t{tile} * cols + lane;
    return n < shape.n ? &job.b[std::size_t{k} * shape.n + n] : nullptr;
  });
}

std::vector<std::uint32_t> GemmLayout::unpack_c(const std::byte* bytes) const {
  std::vector<std::uint32_t> values(std::size_t{shape.m} * shape.n);
  for (std::uint32_t tile = 0; tile < c.tiles; ++tile) {
    const FoldExtent at = block(tile);
    for (std::uint32_t m = 0; m < at.m; ++m)
      for (std::uint32_t n = 0; n < at.n; ++n)
        std::memcpy(&values[std::size_t{at.first_m + m} * shape.n + at.first_n + n],
                    bytes + c.address(tile) + (std::size_t{m} * cols + n) * c.element_bytes,
                    c.element_bytes);
  }
  return values;
}

}  // namespace attnguard
