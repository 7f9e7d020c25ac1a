// The result of one injection: what the statistics need, and its row of injections.csv.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/campaign/plan.h"
#include "src/campaign/verdict.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// What does not change from injection to injection.
struct CampaignContext {
  const FaultUniverse& universe;
  const CampaignPlan& plan;
  const RunResult& golden;
  std::vector<std::string> checkers;                  ///< configuration order
  std::vector<std::vector<std::string>> comparisons;  ///< per checker
  OutputLayout layout;
  double tolerance = 0;

  std::uint64_t watchdog_cycles() const { return 4 * golden.cycles + 10000; }
};

/// What one checker made of one injection.
struct CheckerRecord {
  FaultOwner owner = FaultOwner::datapath;
  bool alarm = false;
  bool nonfinite_alarm = false;
  std::uint64_t latency_cycles = 0;  ///< from the injection; meaningful with an alarm
};

struct InjectionRecord {
  Effect effect = Effect::masked;
  bool nonfinite = false;
  double row_error = 0;
  std::vector<CheckerRecord> checkers;
  std::string row;  ///< of injections.csv, with its line end

  /// For the pipe between processes of one machine.
  std::string to_bytes() const;
  static InjectionRecord from_bytes(std::string_view bytes);
};

/// Whose register this is: "checksum.<name>…" and "line.alarm.<name>" belong to one checker, other
/// safety mechanism state (observation links) to all.
FaultOwner owner_of(const RegisterClass& cls, const std::string& checker);

/// First line of injections.csv.
std::string injections_header(const CampaignContext& context);
/// Throws ModelError when the run contradicts itself: an output or alarm that changed without
/// cause.
InjectionRecord make_record(const CampaignContext& context, const Injection& injection,
                            const RunResult& run);

}  // namespace attnguard
