// Which part of the accelerator bounds a job, however well everything else overlaps with it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "models/accelerator/accelerator_config.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// Cycles that each part needs for what the job has it do, and what follows. docs/outputs.md
/// defines them.
struct Roofline {
  std::uint64_t array_cycles = 0, softmax_cycles = 0, sram_cycles = 0, memory_cycles = 0;
  std::optional<double> macs_per_byte;  ///< of external memory, read and written; if it is used
  double peak_macs_per_cycle = 0;
  double attainable_macs_per_cycle = 0;
  double achieved_macs_per_cycle = 0;
  std::string_view bound;  ///< array, softmax, sram or memory; the first of equals
};

/// Of a finished run.
Roofline roofline_of(const RunResult& run, const ArrayConfig& array);

nlohmann::ordered_json roofline_json(const Roofline& roofline);

}  // namespace attnguard
