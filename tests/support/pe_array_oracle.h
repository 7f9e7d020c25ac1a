// An independent systolic array for the tests: one sc_module per PE, operands on sc_signals with
// valid, first and last bits, skewed edge feeders. Shares only number formats and the pass
// description with the model; every decision is taken from the bits that arrive, none from a
// formula over the cycle.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "models/fault_injector/fault.h"
#include "models/systolic_array/stepping_array.h"

namespace attnguard {

class PeArrayOracle {
 public:
  /// Elaborates: construct before the first sc_start of the process. Several may live side by side;
  /// only one runs at a time.
  PeArrayOracle(std::uint32_t rows, std::uint32_t cols);
  ~PeArrayOracle();

  /// Runs the passes to the end of the last; their cycles count from the start of this call.
  /// `flip`, if not null, is armed. `after_cycle(cycle)`, if set, is called when a cycle is done.
  /// Throws std::runtime_error when two drains meet on a column bus or an output is missing.
  FaultOutcome run(const std::vector<ArrayPass>& passes, const ArrayFault* flip = nullptr,
                   const std::function<void(std::uint64_t)>& after_cycle = {});

  /// Content of a register.
  float value(ArrayRegister which, std::uint32_t row, std::uint32_t col) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attnguard
