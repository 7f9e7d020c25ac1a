// Row sums of V: r_j = Σ_c v_jc and w_j = Σ_c |v_jc|, from the operand stream or when V enters its
// buffer. For V-ABFT's threshold the largest and smallest value of a row take the place of w_j.
//
// A V row crosses in slices of C columns, one slice per pass, so each sum is a register that the
// slices add to. Formed at write, it stands in a store beside the V buffer until the tile is
// overwritten; formed at read, in a register per column.
#pragma once

#include <algorithm>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/threshold.h"
#include "models/checksum_unit/variance_scale.h"

namespace attnguard {

template <class N>
class RowSums {
 public:
  using Value = typename N::Value;

  RowSums(const CheckerContext& context, SumPoint point, ScaleKind scale)
      : context_(context),
        stored_(point == SumPoint::at_write),
        weighted_(scale == ScaleKind::magnitudes),
        spread_(scale == ScaleKind::variances),
        sum_(context.watch, shape("row_sum")),
        weight_(context.watch, shape("row_weight")),
        max_(context.watch, spread_ ? shape("row_max", false) : no_registers()),
        min_(context.watch, spread_ ? shape("row_min", false) : no_registers()) {}

  /// Observations beyond the P·V operand stream.
  std::uint32_t needs() const { return kValueRead | (stored_ ? kValueWritten : 0u); }
  void declare(FaultUniverse& universe) {
    sum_.declare(universe);
    if (weighted_) weight_.declare(universe);
    if (!spread_) return;
    max_.declare(universe);
    min_.declare(universe);
  }
  void reset() {
    for (RegisterFile<Value>* registers : {&sum_, &weight_, &max_, &min_}) registers->reset();
    slot_ = 0;
  }

  void value_written(const Observed& observed) {
    if (stored_)
      form(context_.slot(observed.tile), observed.values, observed.stride, {0, observed.tile.cols},
           observed.tile, observed.timing);
  }
  /// The P·V operand stream. Stored sums are read beside their V row in the last pass; others wait
  /// for the array's timing.
  void value_read(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const BeatTiming& timing = observed.timing;
    if (stored_) {
      slot_ = context_.slot(tile);
      const LaneCycles cycles{timing.cycle(timing.groups - 1, 0), timing.beat_interval_cycles};
      read_all(cycles, tile);
    } else if ((formed_ = observed.values == nullptr); !formed_) {
      const bool one = observed.changed_line != Observed::kEveryLine;
      keys_ = one ? Keys{observed.changed_line, 1} : Keys{0, tile.cols};
      const float* values = observed.values + keys_.first * observed.stride;
      operand_.assign(values, values + keys_.count * observed.stride);
      operand_stride_ = observed.stride;
      pass_interval_ = timing.group_interval_cycles;
    }
  }

  /// The sums of the tile last seen by value_read, whose last pass starts at `pass_start`, for the
  /// checksum column of the array: it reads sum j at pass_start + 1 + j. Sums formed at read take
  /// up a slice as key j of its pass enters the array.
  void read(const TileContext& tile, std::uint64_t pass_start) {
    if (stored_ || formed_) return;
    const std::uint32_t passes = (context_.dims.head_dim - 1) / context_.dims.cols + 1;
    const std::uint64_t first_pass = pass_start - std::uint64_t{passes - 1} * pass_interval_;
    form(slot_, operand_.data(), operand_stride_, keys_, tile,
         {first_pass, passes, pass_interval_, tile.cols, 1});
    const LaneCycles cycles{pass_start + 1, 1};
    read_all(cycles, tile);
  }
  const Value* sums() { return sum_.group(slot_); }
  /// Null if no scale is wanted.
  const Value* weights() { return weighted_ ? weight_.group(slot_) : nullptr; }
  /// Of the rows of V, for V-ABFT's threshold.
  ProductSpread<Value> spread(std::uint32_t keys) {
    ProductSpread<Value> all;
    for (std::uint32_t key = 0; key < keys; ++key)
      all.add(Spread<Value>::of(sum_.group(slot_)[key], max_.group(slot_)[key],
                                min_.group(slot_)[key], context_.dims.head_dim));
    return all;
  }

 private:
  struct Keys {
    std::uint32_t first = 0, count = 0;
  };
  static RegisterShape no_registers() {
    return {"", {}, N::format, StorageKind::register_file, LaneMeaning::element, 0, 0};
  }
  RegisterShape shape(const char* name, bool adder = true) const {
    const std::uint32_t groups = stored_ ? 2 * context_.slots_per_half() : 1;
    return {context_.path + name + "[{}]",
            {groups * context_.dims.cols},
            N::format,
            stored_ ? StorageKind::sram : StorageKind::register_file,
            LaneMeaning::element,
            groups,
            context_.dims.cols,
            !stored_,
            false,
            adder && !stored_};
  }

  /// Sums of `keys`: values [key][stride] from the first of them on; pass p adds its slice to the
  /// sum of key j at timing.cycle(p, j).
  void form(std::uint32_t slot, const float* values, std::size_t stride, Keys keys,
            const TileContext& tile, const BeatTiming& timing) {
    const std::uint32_t cols = context_.dims.cols, head_dim = context_.dims.head_dim;
    Value* sum = sum_.group(slot) + keys.first;
    Value* weight = weighted_ ? weight_.group(slot) + keys.first : nullptr;
    std::fill_n(sum, keys.count, Value{0});
    if (weighted_) std::fill_n(weight, keys.count, Value{0});
    for (std::uint32_t pass = 0; pass * cols < head_dim; ++pass) {
      const LaneCycles cycles{timing.cycle(pass, 0), timing.beat_interval_cycles};
      access(sum_, slot, pass, cycles, tile);
      if (weighted_) access(weight_, slot, pass, cycles, tile);
      const std::uint32_t width = std::min(cols, head_dim - pass * cols);
      math_.sum_rows(values + pass * cols, stride, keys.count, width, sum, weight);
      if (!spread_) continue;
      access(max_, slot, pass, cycles, tile);
      access(min_, slot, pass, cycles, tile);
      for (std::uint32_t i = 0; i < keys.count; ++i)
        extremes(values + i * stride + pass * cols, width, pass == 0,
                 max_.group(slot)[keys.first + i], min_.group(slot)[keys.first + i]);
    }
  }
  static void extremes(const float* values, std::uint32_t count, bool first, Value& max,
                       Value& min) {
    if (first) max = min = values[0];
    for (std::uint32_t c = 0; c < count; ++c) {
      max = std::max<Value>(max, values[c]);
      min = std::min<Value>(min, values[c]);
    }
  }
  void read_all(LaneCycles cycles, const TileContext& tile) {
    sum_.read(slot_, tile.cols, cycles, tile);
    if (weighted_) weight_.read(slot_, tile.cols, cycles, tile);
    if (!spread_) return;
    max_.read(slot_, tile.cols, cycles, tile);
    min_.read(slot_, tile.cols, cycles, tile);
  }
  static void access(RegisterFile<Value>& registers, std::uint32_t slot, std::uint32_t pass,
                     LaneCycles cycles, const TileContext& tile) {
    if (pass > 0) registers.read(slot, tile.cols, cycles, tile);
    registers.write(slot, tile.cols, cycles);
  }

  CheckerContext context_;
  bool stored_, weighted_, spread_;
  RegisterFile<Value> sum_, weight_, max_, min_;
  CheckMath<N> math_ = check_math<N>();
  std::uint32_t slot_ = 0;
  bool formed_ = false;  ///< the sums of the tile to come stand in their registers already
  Keys keys_;            ///< whose sums are formed in the pass to come
  LaneTile operand_;     ///< their rows of V
  std::size_t operand_stride_ = 0;
  std::uint32_t pass_interval_ = 0;
};

}  // namespace attnguard
