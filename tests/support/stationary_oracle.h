// An independent stationary array for the tests: one object per PE, whose next state is computed
// from the present state of its neighbours. Shares only number formats, the behaviour of a fault
// and the fold description with the model; every decision is taken from the marks that travel with
// values, none from a formula over the cycle.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "models/fault_injector/fault.h"
#include "models/systolic_array/stationary_array.h"

namespace attnguard {

class StationaryOracle {
 public:
  StationaryOracle(std::uint32_t rows, std::uint32_t cols);

  /// Runs the folds from cycle 0 to the end of the last, from registers +0. `fault`, if not null,
  /// is armed (no probe). `after_cycle(cycle)`, if set, is called when a cycle is done. Throws
  /// std::runtime_error when values meet that should not, or an output is missing.
  FaultOutcome run(const std::vector<StationaryFold>& folds, const ArrayFault* fault = nullptr,
                   const std::function<void(std::uint64_t)>& after_cycle = {});

  /// Content of a register; whether it was written in the last cycle.
  float value(ArrayRegister which, std::uint32_t row, std::uint32_t col) const;
  bool written(ArrayRegister which, std::uint32_t row, std::uint32_t col) const;

  /// (row, column) of the registers of `which` that were read in cycle c, at reads(which)[c].
  using Reads = std::vector<std::vector<std::pair<std::uint32_t, std::uint32_t>>>;
  const Reads& reads(ArrayRegister which) const;

 private:
  struct Register {
    float value = 0;
    const StationaryFold* fold = nullptr;
    std::uint32_t step = 0;  ///< west, sum: of the fold
    std::uint32_t hops = 0;  ///< PEs still to go
    bool fresh = false;      ///< written in the cycle before: moves on, or is multiplied
    bool first = false;      ///< west: of the fold
    bool hit = false;        ///< the fault has changed it since it was written
  };
  struct Pe {
    Register west, stationary, preload, sum;
  };

  Pe& at(std::uint32_t row, std::uint32_t col) { return pes_[row * cols_ + col]; }
  Register& register_of(Pe& pe, ArrayRegister which) const;
  void step(const std::vector<StationaryFold>& folds);
  void step_pe(Pe& next, std::uint32_t row, std::uint32_t col,
               const std::vector<StationaryFold>& folds);
  Register read(ArrayRegister which, std::uint32_t row, std::uint32_t col);
  void strike();

  std::uint32_t rows_, cols_;
  std::vector<Pe> pes_;  ///< the present state
  std::uint64_t cycle_ = 0;
  std::uint64_t delivered_ = 0;
  const ArrayFault* fault_ = nullptr;
  FaultOutcome outcome_, landed_;
  std::vector<Reads> reads_;
};

}  // namespace attnguard
