// The checksum column of the array: per query row, sum = sum·α + Σ_j p_ij r_j and weight = weight·α
// + Σ_j p_ij w_j.
//
// Row i multiplies key j one cycle after its neighbour above, and adds the tile to its registers
// one cycle after the last key: read and written at mac_start + keys + i. The multipliers' own
// pipeline is not modelled.
#pragma once

#include <algorithm>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/row_sums.h"

namespace attnguard {

/// registers = registers·alpha + term for every row of the tile, read and written at `cycles`; a
/// `first` tile starts from +0. alpha and term [rows].
template <class N, class Value = typename N::Value>
void carry_on(const CheckMath<N>& math, RegisterFile<Value>& registers, std::uint32_t group,
              const Value* term, const float* alpha, const TileContext& tile, bool first,
              LaneCycles cycles) {
  Value* values = registers.group(group);
  if (first)
    std::fill_n(values, tile.rows, Value{0});
  else
    registers.read(group, tile.rows, cycles, tile);
  math.rescale(values, alpha, term, tile.rows);
  registers.write(group, tile.rows, cycles);
}

template <class N>
class ChecksumColumn {
 public:
  using Value = typename N::Value;

  /// `banks` copies of the registers; 1 is written "row[{}].sum", 2 "row[{}].sum[{}]". The weight
  /// is the scale that `judge` wants.
  ChecksumColumn(const CheckerContext& context, std::uint32_t banks, const Judge& judge)
      : weighted_(judge.scaled()),
        variance_factor_(judge.variance_factor()),
        head_dim_(context.dims.head_dim),
        sum_(context.watch, shape(context, "sum", banks)),
        weight_(context.watch, shape(context, "weight", banks)),
        stride_(context.dims.stride),
        terms_(stride_ * (weighted_ ? 2 : 1)) {}

  void declare(FaultUniverse& universe) {
    sum_.declare(universe);
    if (weighted_) weight_.declare(universe);
  }
  void reset() {
    sum_.reset();
    weight_.reset();
  }

  /// Adds p [cols][stride] times the row sums to the bank at `cycles`; alpha [stride]. A `first`
  /// tile starts from +0, whose product with alpha (+0 there) is still formed.
  void accumulate(const TileContext& tile, const float* p, std::size_t stride, RowSums<N>& rows,
                  const float* alpha, bool first, std::uint32_t bank, LaneCycles cycles) {
    Value *sum = terms_.data(), *weight = sum + stride_;
    math_.dot_columns(p, stride, tile.cols, tile.rows, rows.sums(), rows.weights(), false, sum,
                      rows.weights() != nullptr ? weight : nullptr);
    if (variance_factor_ > 0) {
      const ProductSpread<Value> values = rows.spread(tile.cols);
      for (std::uint32_t row = 0; row < tile.rows; ++row)
        weight[row] = variance_scale(Spread<Value>::of(p + row, stride, tile.cols), values,
                                     head_dim_, variance_factor_);
    }
    carry_on(math_, sum_, bank, sum, alpha, tile, first, cycles);
    if (weighted_) carry_on(math_, weight_, bank, weight, alpha, tile, first, cycles);
  }

  /// What the last tile added.
  CarriedTerms terms() const {
    CarriedTerms last;
    last.terms = reinterpret_cast<const std::byte*>(terms_.data());
    last.bytes = terms_.size() * sizeof(Value);
    return last;
  }
  /// As Checker::follow.
  void follow(std::uint32_t bank, const CarriedTerms& given) {
    for (std::uint32_t tile = 0; tile < given.tiles; ++tile) {
      const auto* term =
          reinterpret_cast<const Value*>(given.terms + tile * given.bytes) + given.first_row;
      const float* alpha = given.alpha + tile * given.alpha_stride + given.first_row;
      math_.rescale(sum_.group(bank), alpha, term, given.rows);
      if (weighted_) math_.rescale(weight_.group(bank), alpha, term + stride_, given.rows);
    }
  }

  /// The registers are read for a comparison.
  void read(const TileContext& tile, std::uint32_t bank, LaneCycles cycles) {
    sum_.read(bank, tile.rows, cycles, tile);
    if (weighted_) weight_.read(bank, tile.rows, cycles, tile);
  }
  const Value* sums(std::uint32_t bank) { return sum_.group(bank); }
  /// Null if no scale is wanted.
  const Value* weights(std::uint32_t bank) { return weighted_ ? weight_.group(bank) : nullptr; }

 private:
  static RegisterShape shape(const CheckerContext& context, const char* name, std::uint32_t banks) {
    RegisterShape shape{context.path + "row[{}]." + name,
                        {context.dims.rows},
                        N::format,
                        StorageKind::register_file,
                        LaneMeaning::row,
                        banks,
                        context.dims.rows,
                        banks > 1};
    shape.adder = true;
    if (banks > 1) {
      shape.path += "[{}]";
      shape.extents.push_back(banks);
    }
    return shape;
  }

  bool weighted_;
  double variance_factor_;  ///< c of V-ABFT, 0 without
  std::uint32_t head_dim_;
  RegisterFile<Value> sum_, weight_;
  std::size_t stride_;          ///< of terms_
  AlignedVector<Value> terms_;  ///< of the last tile: [sum, weight][stride]
  CheckMath<N> math_ = check_math<N>();
};

}  // namespace attnguard
