// Whether this build on this machine gives the results that every other one gives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/selftest/known_answers.h"

namespace attnguard {

/// A way to run the small campaign that must not change its result.
struct SelftestVariant {
  std::string name;
  std::vector<std::string> sets;  ///< as --set takes them
};

/// What is checked. Other values than the defaults serve to show that a difference is found.
struct Selftest {
  std::vector<KnownAnswer> answers = known_answers();
  /// Of the campaign's fault-free run, as RunResult reports it.
  std::uint64_t golden_cycles = 0;
  std::string golden_output_sha256;
  /// The first is what the others are compared with.
  std::vector<SelftestVariant> variants;
};

Selftest default_selftest();

struct SelftestFinding {
  std::string check;  ///< what was checked, and how
  std::string found;
  bool same = false;  ///< as it must be
};

/// Everything, in this order: each known answer on each SIMD target, the fault-free run, each
/// variant. Each campaign runs in a process of its own, in a temporary folder. Throws ModelError
/// when such a process dies.
std::vector<SelftestFinding> run_selftest(const Selftest& selftest);

}  // namespace attnguard
