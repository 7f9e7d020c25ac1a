// What a flip of a done line does, told from the program and the schedule of the golden run. Plain
// C++.
//
// No latency depends on data and a late done harms nobody, so most flips end in one of few ways: a
// lost done stops its thread for ever; one that comes too early sends the next command to a busy
// unit, or comes while its thread would wait for something else anyway. Whatever is less clear than
// that, an event of the same cycle included, is left to a complete run.
#pragma once

#include <cstdint>
#include <optional>

#include "models/fault_injector/fault.h"
#include "models/sequencer/program.h"
#include "models/sequencer/schedule.h"

namespace attnguard {

enum class DoneLine : std::uint8_t { load, array, accumulator, store };
enum class DoneEnding : std::uint8_t { finished, hang, crash };

struct DoneFault {
  DoneEnding ending = DoneEnding::finished;
  FaultOutcome outcome;
  /// The only output that may differ: this tile was stored before it was written, so its place in
  /// memory holds the tile before last, the previous one of its buffer half.
  struct StaleTile {
    std::uint32_t tile = 0;
    std::uint64_t stored = 0;  ///< cycle of the store command
  };
  std::optional<StaleTile> stale;
};

/// Empty where only a complete run can tell.
std::optional<DoneFault> foresee_done_fault(const Program& program, const Schedule& schedule,
                                            DoneLine line, std::uint64_t cycle);

}  // namespace attnguard
