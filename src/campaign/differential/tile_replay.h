// One query tile again, from the key tile of a fault on: what the fault changes is computed by the
// cores and kernels of the models, what equals golden is taken from the golden state.
//
// Order per key tile: S, softmax, P·V, accumulate, checkers; after the last, normalise and compare.
// A row whose accumulator equals golden again needs no more work; when no state differs any more,
// neither the datapath's nor a checker's, the rest of the tile is golden.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "models/fabric/commands.h"
#include "models/systolic_array/pass_flip.h"
#include "src/campaign/differential/golden_group.h"
#include "src/campaign/differential/row_comparison.h"
#include "src/campaign/injections/measurement.h"

namespace attnguard {

/// Where in the processing of a query tile a fault strikes.
enum class FaultPoint : std::uint8_t {
  none,               ///< only an operand differs
  array,              ///< a register of a PE, in the pass `pass` of S or P·V
  array_probability,  ///< the array's copy of P
  softmax,            ///< a register of the unit: its own tap
  accumulator,        ///< likewise
  checker,            ///< a register of checker `checker`: its own tap
  // The beat of a link: element (row, col).
  scores,
  probabilities,
  alpha,
  sum,
  partials,
  output,  ///< any link or buffer after the output register
  // The beat of an observation link, likewise.
  observed_scores,
  observed_probabilities,
  observed_partials,
  observed_alpha,
  observed_sum,
  observed_acc,
  observed_output,
  observed_reciprocal,
};

struct TileFault {
  FaultPoint point = FaultPoint::none;
  Fault fault;
  std::uint32_t first_step = 0, last_step = 0;  ///< key tiles in which it may strike
  std::uint32_t row = 0, col = 0;
  bool one_row = false;                      ///< nothing but `row` can change
  std::uint64_t mask = 0;                    ///< of the element; not used by the taps
  ArrayRegister which = ArrayRegister::acc;  ///< array
  bool values = false;                       ///< array: P·V, else S
  std::uint32_t pass = 0;  ///< array: of P·V; array_probability: the first that reads the flip
  std::uint32_t checker = 0;
  /// checker: its flipped copy of an operand is read again in every later step, or in last_step of
  /// every later tile.
  bool stays = false;
};

/// One element of Q, K or V that differs, and who sees it.
struct OperandChange {
  BufferId buffer = BufferId::q;
  std::uint32_t key_tile = 0;                   ///< K and V
  std::uint32_t first_step = 0, last_step = 0;  ///< in which it is read
  std::uint32_t depth = 0;                      ///< Q and K: k; V: key of the tile
  std::uint32_t lane = 0;                       ///< Q: row; K: key of the tile; V: column
  float value = 0;
  bool by_array = false;
  bool observed_read = false, observed_written = false;
};

inline bool same_bits(const float* a, const float* b, std::size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

class TileReplay {
 public:
  TileReplay(const GoldenJob& job, ReplayUnits& units);

  /// Start of an injection; what it changes goes to `measurement`, which is as golden now.
  void clear(Measurement& measurement);
  /// Goes on with an injection that was cleared before and arms no tap.
  void select(Measurement& measurement);
  /// Replays tile `index` of the group from `first_step` on. `outcome` receives what became of the
  /// fault if it is none of a unit's tap.
  void replay(GoldenGroup& group, std::uint32_t index, std::uint32_t first_step,
              const TileFault& fault, const OperandChange* change, FaultOutcome& outcome);
  /// Some checker's state that outlives query tiles differs.
  bool carries() const;

  /// Multiply-adds of S, P·V, rescaling and normalisation done since the start.
  std::uint64_t multiply_adds() const { return multiply_adds_; }

 private:
  /// Columns first .. end − 1.
  struct Columns {
    std::uint32_t first = 0, end = 0;
    void add(std::uint32_t from, std::uint32_t to) {
      first = end == 0 ? from : std::min(first, from);
      end = std::max(end, to);
    }
    bool empty() const { return end == 0; }
  };
  /// What differs from golden in one row: of this step's P·V, and of the accumulator.
  struct Row {
    Columns partial, acc;
  };
  void begin();
  void replay_steps(std::uint32_t first_step);
  void make_change();
  void change_element(float& element);
  void take_operands(std::uint32_t step);
  void prefetch_rows(std::uint32_t step) const;
  bool idle(std::uint32_t step) const;
  bool softmax_differs() const { return max_differs_ || sum_differs_; }
  bool only_carries(std::uint32_t step) const;
  bool some_checker_differs() const;
  bool strikes(FaultPoint point) const { return fault_->point == point && in_window_; }
  void step(std::uint32_t step);
  const float* scores(std::uint32_t step);
  void softmax(std::uint32_t step, const float* scores);
  void multiply_values(std::uint32_t step);
  void accumulate(std::uint32_t step);
  void accumulate_tapped(std::uint32_t step, std::uint32_t row);
  void carry_sums(std::uint32_t first_step);
  void carry_rows(std::uint32_t first_step);
  void carry_checker(CheckerReplay& checker, std::uint32_t first_step);
  void check(std::uint32_t step);
  void finish();
  void show_golden_outputs(Columns except);
  const float* final_acc(std::uint32_t row, Columns columns);
  void normalise_tile(const float* sum, const float* golden_sum, OutputView& view);
  void normalise_one(std::uint32_t row, const float* sum, const float* golden_sum,
                     OutputView& view);
  bool row_differs(std::uint32_t row, const float* sum, const float* golden_sum) const;
  void normalise_tapped(std::uint32_t row, const float* sum, const OutputView& view);
  void observe_outputs(const OutputView& view);
  float* change_partial(std::uint32_t step, std::uint32_t row, Columns columns);
  void widen_acc(std::uint32_t step, std::uint32_t row, Columns columns);

  void flip_element(float& value, Format format);
  ArrayPass pass_of(std::uint32_t step) const;
  ArrayFault array_flip() const {
    return {fault_->which,       fault_->row,
            fault_->col,         static_cast<std::uint32_t>(fault_->mask),
            fault_->fault.cycle, fault_->fault.how};
  }
  const float* golden_scores(std::uint32_t step) const {
    return &golden_->scores[step * tile_cells_];
  }
  const float* golden_probabilities(std::uint32_t step) const {
    return &golden_->probabilities[step * tile_cells_];
  }
  const float* golden_partial(std::uint32_t row, std::uint32_t step) const {
    return &golden_->partial[row * golden_->pitch + step * strides_.value];
  }
  const float* golden_acc(std::uint32_t row, std::uint32_t step) const {
    return &golden_->acc[row * golden_->pitch + step * strides_.value];
  }

  const GoldenJob& job_;
  ReplayUnits& units_;
  TileStrides strides_;
  std::uint32_t head_dim_, cols_, passes_;
  std::size_t tile_cells_;  ///< of a score tile: C × stride

  GoldenGroup* group_ = nullptr;
  std::uint32_t index_ = 0;  ///< of the tile
  const GoldenTile* golden_ = nullptr;
  const TileTiming* timing_ = nullptr;
  const TileFault* fault_ = nullptr;
  const OperandChange* change_ = nullptr;
  FaultOutcome* outcome_ = nullptr;
  Measurement* measurement_ = nullptr;

  // State of the replay.
  bool in_window_ = false;                          ///< the fault may strike in this step
  bool softmax_loaded_ = false;                     ///< the core holds the state before this step
  bool max_differs_ = false, sum_differs_ = false;  ///< of the softmax, in some row
  bool any_row_ = false;                            ///< some accumulator row differs
  std::vector<Row> rows_;
  LaneTile acc_;  ///< [row][value stride], in the columns that differ

  // Of the step in hand.
  std::uint32_t changed_ = 0;  ///< Observation bits
  StepView view_;
  const float *query_ = nullptr, *key_ = nullptr, *value_ = nullptr;  ///< as the array reads them
  const float* fed_ = nullptr;                                        ///< P as the array has it
  const float* alpha_ = nullptr;                                      ///< as the accumulator has it
  std::vector<std::uint32_t> probability_changes_;  ///< [stride] bits that differ in some key
  std::vector<const float*> partial_rows_, observed_partial_rows_;
  LaneTile query_changed_;
  float *key_changed_ = nullptr,
        *value_changed_ = nullptr;                 ///< the group's copies, with the change
  float *element_ = nullptr, golden_element_ = 0;  ///< what was changed in them; null if nothing
  LaneTile scores_, scores_linked_, scores_observed_;
  LaneTile probabilities_, probabilities_late_, probabilities_observed_;
  LaneTile alpha_linked_, alpha_observed_, sum_linked_, sum_observed_, column_;
  LaneTile partial_, partial_linked_, partial_observed_, partial_lanes_, broadcast_;
  LaneTile outputs_;  ///< acc, output and reciprocal as OutputView has them
  /// Whose golden ones they are but for columns (null: nobody's), to save copying them again.
  const GoldenTile* outputs_of_ = nullptr;
  std::uint32_t outputs_index_ = 0;
  Columns outputs_changed_;
  LaneTile line_;
  std::vector<const float*> acc_rows_;
  PassChange pass_change_;
  RowComparison outputs_compared_;
  std::uint64_t multiply_adds_ = 0;
};

}  // namespace attnguard
