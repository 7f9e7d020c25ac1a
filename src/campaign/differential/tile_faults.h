// From a fault and the live block that holds it to the place in one query tile where it strikes:
// row, column, depth, pass and step.
#pragma once

#include <optional>

#include "src/campaign/differential/group_schedule.h"
#include "src/campaign/differential/site_kind.h"
#include "src/campaign/differential/tile_replay.h"

namespace attnguard {

/// Where a fault in one output word strikes.
struct OutputFault {
  std::uint32_t row = 0, column = 0;
  std::uint64_t activate_cycle = 0;
  std::uint32_t mask = 0;   ///< of the value
  std::uint32_t shift = 0;  ///< of the faulty word within the value
  std::uint32_t bits = 0;   ///< of the faulty word
};

/// Where a fault in an operand strikes; the value is not yet filled in.
struct OperandFault {
  OperandChange change;
  std::uint64_t cycle = 0;  ///< of the beat, or of the flip of a word
  std::uint32_t mask = 0;   ///< of the value
  std::uint32_t shift = 0;  ///< of the faulty word within the value
  std::uint32_t bits = 0;   ///< of the faulty word
  bool in_buffer = false;   ///< a word: whatever is read after `cycle` is changed
};

class FaultLocator {
 public:
  FaultLocator(const GoldenJob& job, const ReplayUnits& units);

  /// Faults that one query tile meets by itself: array, softmax, accumulator, and the links after
  /// the operands. `tile` is the block's, `step` its key tile.
  TileFault locate(SiteKind kind, const Fault& fault, const TileTiming& tile,
                   std::uint32_t step) const;
  OutputFault locate_output(SiteKind kind, const Fault& fault, const TileTiming& tile) const;
  OperandFault locate_operand(SiteKind kind, const Fault& fault, const GroupSchedule& schedule,
                              const TileTiming& tile, std::uint32_t step) const;

 private:
  /// The bits of a link's lane that the fault flips, and the lane.
  struct LaneFlip {
    std::uint32_t lane = 0, mask = 0;
  };
  LaneFlip lane_flip(const Fault& fault, Format format) const;
  void locate_in_array(TileFault& at, const StepTiming& step) const;
  void locate_probability(TileFault& at, const StepTiming& step) const;
  void locate_in_softmax(TileFault& at, const TileTiming& tile, std::uint32_t step) const;
  void locate_in_accumulator(TileFault& at, const TileTiming& tile, const StepTiming& step) const;
  void locate_observation(SiteKind kind, TileFault& at, const TileTiming& tile,
                          const StepTiming& step) const;
  OperandFault locate_word(SiteKind kind, const Fault& fault, const GroupSchedule& schedule,
                           const TileTiming& tile, std::uint32_t step) const;
  void place(OperandFault& at, BufferId buffer, std::uint32_t step, const BeatTiming& timing,
             std::uint32_t lane) const;
  std::uint64_t pass_start(const StepTiming& step, std::uint32_t pass) const {
    return step.partial.cycle(pass, 0) - step.tile.cols - layout_.cols - 1;
  }

  const GoldenJob& job_;
  const JobLayout& layout_;
  SoftmaxTiming softmax_;
  // Register ids told apart by the field after the last dot of the path.
  enum class Field : std::uint8_t {
    other,
    score,
    max,
    probability,
    acc,
    partial,
    output,
    reciprocal
  };
  std::vector<Field> fields_;
};

/// Beat of `timing` that crosses at `cycle`; throws ModelError when none does.
std::pair<std::uint32_t, std::uint32_t> require_beat(const BeatTiming& timing, std::uint64_t cycle);

}  // namespace attnguard
