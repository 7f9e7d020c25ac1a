// One checker, fed a query tile at a time: first all of the golden run, keeping its state between
// key tiles and what it compared, then any part of a tile again with other data.
//
// It is the checker that the checksum unit holds, given the same observations with the same cycles.
// Only their order differs: S and P·V of one key tile follow each other, as no register is shared
// between S of one tile and P·V of another. Fed some rows of a tile only, lane 0 of its row
// registers stands for the first of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/checker_registers.h"
#include "src/campaign/differential/group_schedule.h"
#include "src/campaign/injections/measurement.h"

namespace attnguard {

/// Rows of a query tile.
struct RowWindow {
  std::uint32_t first = 0, count = 0;
};

/// What can be observed of one step. Tiles are lane-major [..][stride] of the whole query tile with
/// kLaneAlign values of room behind; rows are where row r of the tile lies, contiguous.
struct StepView {
  const TileTiming* tile = nullptr;
  const StepTiming* step = nullptr;
  const float *query = nullptr, *key = nullptr, *value = nullptr;  ///< as read
  const TileInBuffer *key_tile = nullptr, *value_tile = nullptr;
  bool golden_key = true, golden_value = true;  ///< as read in the golden run
  std::uint32_t changed_line = 0;               ///< of the one that is not; all others are golden
  /// As loaded for this step; null if K and V stay in their buffers.
  const float *key_written = nullptr, *value_written = nullptr;
  const float *scores = nullptr, *probabilities = nullptr, *alpha = nullptr;
  const float* const* partial_rows = nullptr;  ///< [row] → [d]
};
/// What can be observed after the last step.
struct OutputView {
  const TileTiming* tile = nullptr;
  const float* sum = nullptr;  ///< l, [stride] of the whole tile
  /// As Checker::outputs wants them, lane 0 being row `first_row` of the tile: acc [d][stride],
  /// output [d][stride], reciprocal [stride].
  const float* values = nullptr;
  std::size_t stride = 0;
  std::uint32_t first_row = 0;
};

/// Strides of the tiles, in values.
struct TileStrides {
  std::size_t row = 0, key = 0, value = 0;
};

/// Of the golden run, for one query tile.
struct CheckerTrace {
  struct Inputs {
    double lhs, rhs, scale;
    bool same(const Check& check) const {
      return ((bits(lhs) ^ bits(check.lhs)) | (bits(rhs) ^ bits(check.rhs)) |
              (bits(scale) ^ bits(check.scale))) == 0;
    }
    static std::uint64_t bits(double value) {
      std::uint64_t raw;
      std::memcpy(&raw, &value, sizeof raw);
      return raw;
    }
  };
  std::vector<std::byte> states;  ///< before each step and after the last
  std::vector<Inputs> checks;     ///< in the order made
  std::vector<std::byte> terms;   ///< Checker::carried_terms of each step, with room behind
  /// Of each step those of S, then those of P·V; at last those of the outputs.
  std::vector<std::uint32_t> first_checks;
  std::uint64_t held_until_cycle = 0;  ///< at the start of the tile
};

class CheckerReplay final : private CheckSink {
 public:
  /// `universe`: the accelerator's, for the register ids of faults.
  CheckerReplay(const CheckerConfig& config, const CheckerDimensions& dimensions,
                const FaultUniverse& universe, TileStrides strides);

  std::uint32_t needs() const { return needs_; }
  /// Rows are summed before they are compared: it must always see whole tiles.
  bool needs_whole_tiles() const { return grouped_; }
  std::size_t comparisons() const { return comparisons_; }
  /// Bytes kept per step and tile of a trace, checks apart.
  std::size_t state_bytes() const { return state_bytes_; }
  /// Likewise, once per step.
  std::size_t term_bytes() const { return term_bytes_; }
  RegisterTap& tap() { return checker_->tap(); }
  const std::vector<RegisterBook*>& registers() const { return checker_->registers(); }

  /// All state as after power-on.
  void restart() {
    checker_->reset();
    for (OperandSums* sums : {&key_sums_, &value_sums_})
      for (auto& golden : sums->golden) golden.clear();
  }
  /// Golden run, tile after tile in job order. Every check goes to `made`. With `start`, a tile
  /// that was recorded before again: its first state is there, and the injection in hand goes on
  /// afterwards.
  void record_start(CheckerTrace& trace, const CheckerTrace* start);
  void record_query(const TileTiming& tile, const float* query);
  void record_step(const StepView& view, std::vector<Check>& made);
  void record_outputs(const OutputView& view, std::vector<Check>& made);

  /// K or V of a head that stays in its buffer, as loaded.
  void load_key(const TileContext& tile, const TileInBuffer& key, const float* values);
  void load_value(const TileContext& tile, const TileInBuffer& value, const float* values);

  /// Start of an injection: silent, as golden.
  void clear(CheckerMeasurement& measurement);
  bool carries_registers() const { return !carried_books_.empty(); }
  /// Goes on with another injection, between its query tiles; nothing is carried.
  void select(CheckerMeasurement& measurement);
  /// A tile of which `rows` may differ from golden; `query_written` [d][stride].
  void begin_tile(const CheckerTrace& trace, const TileTiming& tile, RowWindow rows,
                  const float* query_written);
  /// State that outlives query tiles differs: the next tile must be begun and replayed too.
  bool carries() const { return carried_differs_; }
  bool differs() const { return scores_differ_ || products_differ_ || carried_differs_; }
  /// `changed`: Observation bits of what may differ from golden in the view; all if a fault in the
  /// checker may be met.
  void replay_step(std::uint32_t step, const StepView& view, std::uint32_t changed);
  /// The steps from `step` on, if nothing that is observed in them differs from golden: `alpha`
  /// [step][row stride]. False if the checker must be shown them one by one.
  bool follow(std::uint32_t step, std::uint32_t steps, const float* alpha);
  /// `steps`: of the tile.
  void replay_outputs(std::uint32_t steps, const OutputView& view);

 private:
  void checked(const Check& check) override;
  void checked_rows(const Check* checks, std::uint32_t rows) override;
  void compare(const Check& check, std::size_t golden);
  void feed_scores(const StepView& view);
  void feed_products(const StepView& view);
  void feed_outputs(const OutputView& view);
  void feed_query(const TileTiming& tile, const float* query);
  TileContext window(TileContext tile) const;
  BeatTiming window(BeatTiming rows) const;
  std::size_t lanes_of(const RegisterBook& book) const;
  RowWindow window(const RegisterBook& book) const;
  const float* lane_major(const float* const* rows, float* to) const;
  /// Sums over K or V that are formed at read.
  struct OperandSums {
    std::vector<RegisterBook*> books;
    std::vector<std::vector<std::byte>> golden;  ///< by key tile: contents of `books`
    void keep(std::uint32_t key_tile);
    void restore(std::uint32_t key_tile) const;
  };
  void restore(const OperandSums& sums, bool golden, const StepView& view,
               Observed& observed) const;
  void copy_registers(bool stores_only, std::vector<std::byte>& to) const;
  void put_registers(bool stores_only, const std::vector<std::byte>& bytes);
  void suspend();
  void resume();
  void keep_terms(std::uint32_t step);
  void save(std::byte* to) const;
  void restore(std::uint32_t step, bool scores, bool products);
  bool rows_differ(std::uint32_t step, bool scores) const;
  bool carried_state_differs(std::uint32_t step) const;

  std::unique_ptr<Checker> checker_;
  CheckerDimensions dims_;
  TileStrides strides_;
  std::uint32_t needs_ = 0;
  std::size_t comparisons_ = 0;
  bool grouped_ = false;
  LiveLog no_log_;
  std::vector<RegisterBook*> row_books_, carried_books_;
  OperandSums key_sums_, value_sums_;
  std::size_t score_books_ = 0;  ///< the first ones of row_books_
  std::size_t state_bytes_ = 0, products_at_ = 0, carried_at_ = 0, term_bytes_ = 0;

  std::vector<std::byte> golden_stores_;  ///< contents of the stores beside buffers
  struct {
    bool active = false, carried_differs = false;
    RegisterTap tap;
    std::vector<std::byte> registers;
  } suspended_;  ///< an injection while a tile is recorded again

  const CheckerTrace* golden_ = nullptr;
  const TileTiming* tile_ = nullptr;
  const float* query_written_ = nullptr;
  RowWindow rows_;
  bool scores_differ_ = false, products_differ_ = false, carried_differs_ = false;
  bool query_fed_ = false;
  CheckerTrace* trace_ = nullptr;       ///< recording
  std::vector<Check>* made_ = nullptr;  ///< recording
  CheckerMeasurement* measurement_ = nullptr;
  std::size_t golden_checks_ = 0;  ///< the next ones in the golden trace
  std::uint64_t arrival_cycle_ = 0;
  LaneTile partials_;
};

}  // namespace attnguard
