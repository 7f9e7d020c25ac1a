// A run with everything that its waves and its timeline show.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/fabric/timeline.h"
#include "src/simulation/simulation.h"

namespace attnguard {

struct FaultMark {
  std::string fault;        ///< "k_buffer.word[3] bit 14 bit_flip"
  std::uint64_t cycle = 0;  ///< it strikes, or begins to
};

struct RecordedRun {
  std::string name;  ///< a scope of the waves, a process of the timeline
  Timeline timeline{};
  RunResult result{};
  std::vector<FaultMark> faults{};
  /// By cycle: output words external memory accepts that are not golden.
  std::map<std::uint64_t, std::uint64_t> bad_commits{};
};

/// What is the same for all runs.
struct RecordedSystem {
  std::uint64_t period_ps = 0;
  std::vector<std::string> checkers;                  ///< in configuration order
  std::vector<std::vector<std::string>> comparisons;  ///< per checker
  std::string config_sha256;
};

}  // namespace attnguard
