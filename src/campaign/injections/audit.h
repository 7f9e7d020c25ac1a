// Repeats injections by complete runs, each in a process that has run no other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/campaign/injections/archive.h"
#include "src/campaign/injections/measure.h"

namespace attnguard {

struct AuditMismatch {
  std::uint64_t number = 0;
  std::string row, repeated;  ///< of injections.csv, with their line ends
};

struct AuditResult {
  std::uint64_t injections = 0;
  std::vector<AuditMismatch> mismatches;
  double wall_s = 0;
};

/// Repeats injections by complete runs and compares every column; with `same_engine`, which they
/// came from too, each in a fresh process. Injections that failed have nothing to compare and are
/// left out.
AuditResult audit(const CampaignContext& context, const Simulate& simulate, const Archive& archive,
                  const std::vector<std::uint64_t>& numbers, bool same_engine,
                  std::uint32_t workers, const std::function<void()>& tick);

/// Text of audit.csv: both rows of every mismatch, each after the name of the engine that gave it.
std::string audit_csv(const CampaignContext& context, const AuditResult& result,
                      std::string_view engine);

/// Throws AuditError that shows both rows of the first mismatch, if there is one.
void require_no_mismatch(const AuditResult& result);

}  // namespace attnguard
