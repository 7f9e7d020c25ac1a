// How a matrix product is cut into folds, and where the lines of a fold lie in the operand buffers
// and in the result memory. Plain arithmetic.
//
// A fold is what the array computes without taking other operands into its processing elements; how
// large it is depends on the dataflow (systolic_array/gemm_core.h). The operands lie in their
// buffers in the order of use: a tile is a run of lines, a line what one cycle moves.
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

/// How an operand enters the array.
enum class OperandRole : std::uint8_t {
  streamed,    ///< a line per product, lanes across: both operands of an output-stationary array
  moving,      ///< a line per row (column) of C, lanes are products
  stationary,  ///< a line per product, the last one first
};

/// The tiles of A, B or C, one after another.
struct OperandTiles {
  std::uint32_t tiles = 0;
  std::uint32_t lines = 0;  ///< room in a tile
  std::uint32_t lanes = 0;  ///< elements of a line
  std::uint32_t element_bytes = 0;
  OperandRole role = OperandRole::streamed;  ///< of A and B

  std::uint32_t line_bytes() const { return lanes * element_bytes; }
  std::uint64_t tile_bytes() const { return std::uint64_t{lines} * line_bytes(); }
  std::uint64_t bytes() const { return tiles * tile_bytes(); }
  std::uint64_t address(std::uint32_t tile) const { return tile * tile_bytes(); }
};

/// Lines and lanes of a tile that hold something.
struct TileUse {
  std::uint32_t lines = 0, lanes = 0;
};

class GemmLayout {
 public:
  GemmLayout(const AcceleratorConfig& accelerator, const GemmShape& shape);

  GemmShape shape;
  std::uint32_t rows, cols;  ///< of the array, R and C
  Dataflow dataflow;
  Format operand, output;
  std::uint32_t fold_m, fold_n, fold_k;     ///< extents of a whole fold
  std::uint32_t m_tiles, n_tiles, k_tiles;  ///< folds along each
  OperandTiles a, b, c;

  std::uint32_t folds() const { return m_tiles * n_tiles * k_tiles; }
  /// In the order in which they are computed: a block of C after the other, ascending products.
  FoldExtent fold(std::uint32_t index) const;
  /// The tile of C with this number, with all products.
  FoldExtent block(std::uint32_t c_tile) const;

  std::uint32_t a_tile(const FoldExtent& fold) const {
    return fold.first_m / fold_m * k_tiles + fold.first_k / fold_k;
  }
  std::uint32_t b_tile(const FoldExtent& fold) const {
    return fold.first_n / fold_n * k_tiles + fold.first_k / fold_k;
  }
  std::uint32_t c_tile(const FoldExtent& fold) const {
    return fold.first_m / fold_m * n_tiles + fold.first_n / fold_n;
  }
  /// Of the tile of an operand that the fold reads; `across`: its rows of A or columns of B.
  static TileUse use(OperandRole role, std::uint32_t across, std::uint32_t k);
  /// Lines of a tile of C are its rows, or columns if those are what an output line holds.
  bool lines_are_columns() const { return dataflow == Dataflow::input_stationary; }

  /// A and B as they lie in their buffers.
  struct PackedOperands {
    std::vector<std::byte> a, b;
  };
  PackedOperands pack(const GemmJob& job) const;
  /// [m][n] raw output bits, from the bytes of the result memory.
  std::vector<std::uint32_t> unpack_c(const std::byte* bytes) const;

 private:
  /// `values`: of the tile's row (column) 0 and product 0.
  void pack_tile(const OperandTiles& tiles, std::uint32_t tile, std::uint32_t across,
                 std::uint32_t products, const float* values, std::size_t across_stride,
                 std::size_t k_stride, std::vector<std::byte>& bytes) const;
};

}  // namespace attnguard
