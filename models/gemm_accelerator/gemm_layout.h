// How a matrix product is cut into folds, and where the lines of a fold lie in the operand buffers
// and in the result memory. Plain arithmetic.
//
// A fold is what the array computes without taking other operands into its processing elements. The
// operands lie in their buffers in the order of use: a tile is a run of lines, a line what one
// cycle moves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/gemm_accelerator/gemm_job.h"

namespace attnguard {

/// Rows [first_m, first_m + m) and columns [first_n, first_n + n) of C, of every sum the products
/// [first_k, first_k + k).
struct FoldExtent {
  std::uint32_t first_m = 0, first_n = 0, first_k = 0;
  std::uint32_t m = 0, n = 0, k = 0;
  bool first = true;  ///< of the folds that form its sums
  bool last = true;   ///< likewise: the sums are complete
};

/// Tiles of equal size, one after another.
struct OperandTiles {
  std::uint32_t tiles = 0;
  std::uint32_t lines = 0;  ///< of a tile
  std::uint32_t lanes = 0;  ///< elements of a line
  std::uint32_t element_bytes = 0;

  std::uint64_t tile_bytes() const { return std::uint64_t{lines} * lanes * element_bytes; }
  std::uint64_t bytes() const { return tiles * tile_bytes(); }
  std::uint64_t address(std::uint32_t tile) const { return tile * tile_bytes(); }
};

class GemmLayout {
 public:
  GemmLayout(const AcceleratorConfig& accelerator, const GemmShape& shape);

  GemmShape shape;
  std::uint32_t rows, cols;  ///< of the array, R and C
  Format operand, output;
  OperandTiles a, b, c;

  std::uint32_t folds() const;
  /// In the order in which they are computed: a block of C after the other, row by row.
  FoldExtent fold(std::uint32_t index) const;
  std::uint32_t a_tile(const FoldExtent& fold) const { return fold.first_m / rows; }
  std::uint32_t b_tile(const FoldExtent& fold) const { return fold.first_n / cols; }
  std::uint32_t c_tile(const FoldExtent& fold) const {
    return a_tile(fold) * b.tiles + b_tile(fold);
  }
  /// The tile of C that begins at this tile of the result memory, as an extent of all its products.
  FoldExtent block(std::uint32_t c_tile) const;

  /// A and B as they lie in their buffers.
  std::vector<std::byte> pack_a(const GemmJob& job) const;
  std::vector<std::byte> pack_b(const GemmJob& job) const;
  /// [m][n] raw output bits, from the bytes of the result memory.
  std::vector<std::uint32_t> unpack_c(const std::byte* bytes) const;
};

}  // namespace attnguard
