// A rows × cols output-stationary systolic array in which every register moves every cycle.
//
// Each PE has four registers: west and north (operands, forwarded one column east, one row south
// per cycle), acc (float32 accumulator) and drain (float32 copy of a finished acc). For a pass with
// feed start s and depth T, PE (i, j):
//
//   west and north hold operand k   after the update of cycle s + k + i + j
//   product k is accumulated        in cycle s + k + i + j + 1, from these registers, k = 0 onto +0
//   acc is final                    after the update of cycle s + T + i + j
//   drain copies acc                in cycle s + T + i + j + 1; the next pass may restart acc in it
//   the column bus reads drain      in cycle s + T + i + j + 2 and delivers the value to `out`
//
// So first to last product take T + R + C − 2 cycles, and a pass that uses r rows and c columns is
// delivered when cycle s + T + r + c is done. Within a cycle all reads come before all writes,
// flips after writes. Lanes a pass does not use, and registers no operand reaches, hold. Valid bits
// travel with the operands; as a pass's lanes all see the same skew they are derived from (cycle,
// pass), not stored. NaN is canonical in drain and before a flip. acc and drain are int32 for int8
// operands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/numerics/format.h"
#include "models/numerics/lane_tile.h"
#include "models/systolic_array/array_fault.h"

namespace attnguard {

/// Most rows and columns of an array.
inline constexpr std::uint32_t kMaxArrayLanes = 128;
/// Most cycles stepped at once; a matter of speed only.
inline constexpr std::uint64_t kArrayBatchCycles = 64;

/// One matrix product west^T × north of depth `depth`. Values are exact images of their formats;
/// both are int8, and sums int32, or neither.
struct ArrayPass {
  std::uint64_t start = 0;      ///< s, cycle in which the first operands enter PE (0, 0)
  std::uint32_t depth = 0;      ///< T >= 1
  std::uint32_t rows = 0;       ///< used rows, 1 .. array rows
  std::uint32_t cols = 0;       ///< used columns, 1 .. array columns
  const float* west = nullptr;  ///< [depth × west_stride], row i of the array takes element i
  std::size_t west_stride = 0;
  Format west_format = Format::bfloat16;
  const float* north = nullptr;  ///< [depth × north_stride], column j of the array takes element j
  std::size_t north_stride = 0;
  Format north_format = Format::bfloat16;
  float* out = nullptr;  ///< [cols × out_stride], element (i, j) goes to out[j × out_stride + i]
  std::size_t out_stride = 0;
  Place base;  ///< head, key tile, and the query row of array row 0

  Format sum_format() const { return sum_format_of(west_format, north_format); }
  /// Last cycle of the pass: its last value is delivered.
  std::uint64_t last_cycle() const { return start + depth + rows + cols; }
};

/// Format of the values `which` registers hold during the pass.
Format format_held(const ArrayPass& pass, ArrayRegister which);
/// The register's value after the update of `cycle` belongs to `pass` and is read in cycle + 1.
bool pass_holds(const ArrayPass& pass, ArrayRegister which, std::uint32_t row, std::uint32_t col,
                std::uint64_t cycle);
/// The fault acts on a value of the pass: in a cycle in which the pass holds its register.
bool fault_meets(const ArrayPass& pass, const ArrayFault& fault);

class SteppingArray {
 public:
  /// 1 to 128 rows and columns, else std::logic_error.
  SteppingArray(std::uint32_t rows, std::uint32_t cols);

  /// As after power-on: registers +0, no pass, no fault, cycle 0 next.
  void reset();
  /// The same, but what is armed stays armed: for passes that are stepped one by one.
  void restart();
  /// Drops every pass; registers +0, `cycle` next. What was done for later cycles never happens.
  void abandon(std::uint64_t cycle);
  /// Queues a pass; its buffers must stay valid and unchanged until it is delivered. Passes come in
  /// feed order, start not in the past, and after the previous pass (depth T', r' rows) s >= s' +
  /// max(T', T' + r' − T): the west edge takes one operand, a column bus one value per cycle.
  /// Throws std::logic_error otherwise.
  void feed(const ArrayPass& pass);
  /// Does every cycle before `cycle` that is not yet done.
  void advance_to(std::uint64_t cycle);
  /// The next cycle to be done.
  std::uint64_t now() const { return now_; }
  /// Every pass fed is delivered.
  bool idle() const { return passes_.empty(); }

  /// Arms one more fault, whose cycle is not yet done.
  void arm(const ArrayFault& fault);
  void disarm() { faults_.disarm(); }
  /// The cycle of a fault that strikes once is not yet done.
  bool pending() const { return faults_.pending(now_); }
  /// Whether a fault that may still act meets the pass.
  bool strikes(const ArrayPass& pass) const;
  /// The first activation. Settled once a cycle is done: control does not depend on data, so
  /// whether changed bits are read in the cycle after is known then.
  FaultOutcome outcome() const { return faults_.outcome(); }

  /// Content of a register after the update of cycle now() − 1.
  float value(ArrayRegister which, std::uint32_t row, std::uint32_t col) const;

 private:
  float* cell(ArrayRegister which, std::uint32_t row, std::uint32_t col);
  void step_to(std::uint64_t end);
  std::optional<HeldValue> held(const ArrayFault& fault, std::uint64_t cycle);

  std::uint32_t rows_, cols_;
  std::size_t stride_;
  LaneTile west_, north_, acc_,
      drain_;  ///< [rows × stride]; north has one row more, the north edge, before row 0
  std::vector<ArrayPass> passes_;  ///< fed and not delivered, feed order
  std::uint64_t now_ = 0;
  std::uint64_t feed_free_ = 0;  ///< first cycle in which the next pass may start
  std::uint64_t bus_free_ = 0;   ///< lower bound of start + depth of the next pass
  ArrayFaults faults_;
};

/// Name of the SIMD target that steps the array on this machine.
const char* stepping_array_target();

}  // namespace attnguard
