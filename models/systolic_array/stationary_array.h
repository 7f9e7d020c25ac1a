// A rows × cols systolic array that keeps one operand in its PEs (weight- or input-stationary), in
// which every register moves every cycle.
//
// PE (i, j) has four registers: preload (an operand on its way south, then waiting), stationary
// (the operand in use), west (the moving operand, forwarded one column east per cycle) and sum (the
// partial sum, float32 or int32, handed one row south per cycle). A fold multiplies T moving
// vectors by rows × cols stationary operands; its rows are products k, ascending from north to
// south, its columns are outputs. With preload start p and feed start s, for k = 0 .. rows − 1 and
// t = 0 .. T − 1:
//
//   preload takes the operand of row     in cycle p + i + j + n: the last row enters first,
//     rows − 1 − n, n < rows − i         each stops in its own, all in cycle p + j + rows − 1
//   stationary copies preload            in cycle s + i + j
//   west holds moving operand t          after the update of cycle s + t + i + j
//   sum takes product (t, i)             in cycle s + t + i + j + 1, onto what PE (i − 1, j)
//                                        holds, in row 0 onto `sums`, +0 where a sum begins
//   the south edge reads sum             in cycle s + t + rows of the array + j + 1, delivers it
//
// So first to last product of a full fold take T + R + C − 2 cycles, the preload R before them. In
// rows below the used ones the sum passes without a product. The next fold may preload from p' = s
// on and start at s' = max(s + T, p' + rows): preloads hide behind folds. Columns a fold does not
// use, and registers that no operand reaches, hold. Within a cycle all reads come before all
// writes, flips after writes; valid bits are derived from (cycle, fold), not stored. NaN is
// canonical in what is delivered and before a flip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/numerics/format.h"
#include "models/numerics/lane_tile.h"
#include "models/systolic_array/array_fault.h"

namespace attnguard {

/// One fold. Values are exact images of their formats; both are int8, and sums int32, or neither.
struct StationaryFold {
  std::uint64_t preload = 0;  ///< p, the first operand enters the preload register of (0, 0)
  std::uint64_t start = 0;    ///< s >= p + rows, the first moving operand enters PE (0, 0)
  std::uint32_t steps = 0;    ///< T >= 1, moving vectors
  std::uint32_t rows = 0;     ///< products per sum, 1 .. array rows
  std::uint32_t cols = 0;     ///< used columns, 1 .. array columns
  const float* stationary =
      nullptr;  ///< [rows × stationary_stride], PE (i, j) keeps element j of i
  std::size_t stationary_stride = 0;
  Format stationary_format = Format::bfloat16;
  const float* moving =
      nullptr;  ///< [rows × moving_stride], row i of the array takes element t of i
  std::size_t moving_stride = 0;
  Format moving_format = Format::bfloat16;
  /// Sums so far, laid out like `out`, which may be the same storage: element (t, j) is read in
  /// cycle s + t + j + 1. Null: +0.
  const float* sums = nullptr;
  float* out = nullptr;  ///< element (t, j) goes to out[t × step_stride + j × col_stride]
  std::size_t step_stride = 0, col_stride = 0;
  /// Head and key tile, and the output row of step 0 (column 0, if steps are output columns).
  Place base;
  bool steps_are_rows = true;  ///< of the output: weight-stationary; else columns: input-stationary

  Format sum_format() const { return sum_format_of(stationary_format, moving_format); }
};

/// The register's value after the update of `cycle` belongs to the fold and is read later.
/// `array_rows`: of the whole array.
bool fold_holds(const StationaryFold& fold, std::uint32_t array_rows, ArrayRegister which,
                std::uint32_t row, std::uint32_t col, std::uint64_t cycle);

class StationaryArray {
 public:
  /// 1 to 128 rows and columns, else std::logic_error.
  StationaryArray(std::uint32_t rows, std::uint32_t cols);

  /// As after power-on: registers +0, no fold, no fault, cycle 0 next.
  void reset();
  /// The same, but what is armed stays armed: for folds that are stepped one by one.
  void restart();
  /// Queues a fold; its buffers must stay valid and unchanged until it is delivered, save that
  /// `sums` may be delivered by an earlier one. Folds come in feed order and start not in the past;
  /// after the fold (p', s', T') p >= s', s >= s' + T', and s >= s' + R + 1 if its output is this
  /// one's sums. Throws std::logic_error otherwise.
  void feed(const StationaryFold& fold);
  /// Does every cycle before `cycle` that is not yet done.
  void advance_to(std::uint64_t cycle);
  /// The next cycle to be done.
  std::uint64_t now() const { return now_; }
  /// Every fold fed is delivered.
  bool idle() const { return folds_.empty(); }
  /// The last value of the fold is delivered: s + T + R + used columns − 1.
  std::uint64_t last_cycle(const StationaryFold& fold) const {
    return fold.start + fold.steps + rows_ + fold.cols - 1;
  }

  /// Arms one more fault, whose cycle is not yet done.
  void arm(const ArrayFault& fault);
  void disarm() { faults_.disarm(); }
  /// The cycle of a fault that strikes once is not yet done.
  bool pending() const { return faults_.pending(now_); }
  /// Whether a fault that may still act meets the fold.
  bool strikes(const StationaryFold& fold) const;
  /// The first activation. Control does not depend on data, so it is known as soon as the fault's
  /// cycle is done; an operand that waits in preload is read when its fold starts.
  FaultOutcome outcome() const { return faults_.outcome(); }

  /// Content of a register after the update of cycle now() − 1.
  float value(ArrayRegister which, std::uint32_t row, std::uint32_t col) const;

 private:
  float* cell(ArrayRegister which, std::uint32_t row, std::uint32_t col);
  std::optional<HeldValue> held(const ArrayFault& fault, std::uint64_t cycle);

  std::uint32_t rows_, cols_;
  std::size_t stride_;
  LaneTile west_, stationary_, preload_, sum_;  ///< [rows × stride]
  LaneTile edge_;                               ///< [stride], what row 0 adds to in one cycle
  std::vector<StationaryFold> folds_;           ///< fed and not delivered, feed order
  std::uint64_t now_ = 0;
  std::uint64_t preload_free_ = 0;  ///< first cycle in which the next fold may preload
  std::uint64_t feed_free_ = 0;     ///< first cycle in which it may start
  ArrayFaults faults_;
};

}  // namespace attnguard
