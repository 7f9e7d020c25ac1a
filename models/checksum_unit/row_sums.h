// Row sums of V: r_j = Σ_c v_jc and w_j = Σ_c |v_jc|, from the operand stream or when V enters its buffer.
//
// A V row crosses in slices of C columns, one slice per pass, so each sum is a register that the slices add to. Formed at
// write, it stands in a store beside the V buffer until the tile is overwritten; formed at read, in a register per column.
#pragma once

#include <algorithm>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/checker_context.h"

namespace attnguard {

template <class N>
class RowSums {
 public:
  using Value = typename N::Value;

  RowSums(const CheckerContext& context, SumPoint point, bool weighted)
      : context_(context),
        stored_(point == SumPoint::at_write),
        weighted_(weighted),
        sum_(context.watch, shape("row_sum")),
        weight_(context.watch, shape("row_weight")) {}

  /// Observations beyond the P·V operand stream.
  std::uint32_t needs() const { return kValueRead | (stored_ ? kValueWritten : 0u); }
  void declare(FaultUniverse& universe) {
    sum_.declare(universe);
    if (weighted_) weight_.declare(universe);
  }
  void reset() {
    sum_.reset();
    weight_.reset();
  }

  void value_written(const Observed& observed) {
    if (stored_) form(observed, context_.slot(observed.tile));
  }
  void value_read(const Observed& observed) {
    slot_ = stored_ ? context_.slot(observed.tile) : 0;
    last_pass_ = observed.timing.cycle(observed.timing.groups - 1, 0);
    if (!stored_) form(observed, slot_);
  }

  /// The checksum column of the array reads the sums of the tile last seen by value_read: sum j at the returned cycle + j, one cycle
  /// after key j of the last pass (whose probabilities start at `pass_start`) entered the array.
  std::uint64_t read(const TileContext& tile, std::uint64_t pass_start) {
    const LaneCycles cycles{std::max(pass_start, last_pass_) + 1, 1};
    sum_.read(slot_, tile.cols, cycles, tile);
    if (weighted_) weight_.read(slot_, tile.cols, cycles, tile);
    return cycles.first;
  }
  const Value* sums() { return sum_.group(slot_); }
  /// Null if no scale is wanted.
  const Value* weights() { return weighted_ ? weight_.group(slot_) : nullptr; }

 private:
  RegisterShape shape(const char* name) const {
    const std::uint32_t groups = stored_ ? 2 * context_.slots_per_half() : 1;
    return {context_.path + name + "[{}]", {groups * context_.dims.cols}, N::format,
            stored_ ? StorageKind::sram : StorageKind::register_file, LaneMeaning::element, groups, context_.dims.cols};
  }

  void form(const Observed& observed, std::uint32_t slot) {
    const TileContext& tile = observed.tile;
    const std::uint32_t cols = context_.dims.cols, head_dim = context_.dims.head_dim;
    Value* sum = sum_.group(slot);
    Value* weight = weighted_ ? weight_.group(slot) : nullptr;
    std::fill_n(sum, tile.cols, Value{0});
    if (weighted_) std::fill_n(weight, tile.cols, Value{0});
    for (std::uint32_t pass = 0; pass * cols < head_dim; ++pass) {
      const LaneCycles cycles{observed.timing.cycle(pass, 0), observed.timing.beat_interval_cycles};
      access(sum_, slot, pass, cycles, tile);
      if (weighted_) access(weight_, slot, pass, cycles, tile);
      math_.sum_rows(observed.values + pass * cols, observed.stride, tile.cols, std::min(cols, head_dim - pass * cols),
                     sum, weight);
    }
  }
  static void access(RegisterFile<Value>& registers, std::uint32_t slot, std::uint32_t pass, LaneCycles cycles,
                     const TileContext& tile) {
    if (pass > 0) registers.read(slot, tile.cols, cycles, tile);
    registers.write(slot, tile.cols, cycles);
  }

  CheckerContext context_;
  bool stored_, weighted_;
  RegisterFile<Value> sum_, weight_;
  CheckMath<N> math_ = check_math<N>();
  std::uint32_t slot_ = 0;
  std::uint64_t last_pass_ = 0;
};

}  // namespace attnguard
