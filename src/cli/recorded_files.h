// The files that show recorded runs, as far as the command line asks for them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/fabric/clock.h"
#include "src/cli/command_line.h"
#include "src/simulation/prepared.h"
#include "src/waves/recorded_run.h"
#include "src/waves/timeline_json.h"
#include "src/waves/waves_vcd.h"

namespace attnguard {

inline bool wants_recording(const CommandLine& command_line) {
  return command_line.vcd || command_line.timeline;
}

inline RecordedSystem recorded_system(const Prepared& prepared,
                                      const std::vector<std::vector<std::string>>& comparisons) {
  RecordedSystem system;
  system.period_ps = period_ps(prepared.config.accelerator.clock_mhz);
  for (const CheckerConfig& checker : prepared.config.checkers)
    system.checkers.push_back(checker.name);
  system.comparisons = comparisons;
  system.config_sha256 = prepared.config_sha256;
  return system;
}

/// Into `folder`; their names, each after a space.
inline std::string write_recorded(const CommandLine& command_line,
                                  const std::filesystem::path& folder, const RecordedSystem& system,
                                  const std::vector<RecordedRun>& runs) {
  std::string names;
  if (command_line.vcd) {
    write_waves(folder / "waves.vcd", system, runs);
    names += " waves.vcd";
  }
  if (command_line.timeline) {
    write_timeline(folder / "timeline.json", system, runs);
    names += " timeline.json";
  }
  return names;
}

}  // namespace attnguard
