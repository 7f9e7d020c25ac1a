// Many faults in one system at both fidelities: the same outcome of each, and an effect exactly
// where the golden run says a bit is live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/checksum_unit/checker_config.h"
#include "src/workload/job.h"

namespace attnguard {

/// every_model and transfers: now and then several faults in one run.
enum class Faults { flips, every_model, transfers };

/// Runs in which a code word was corrected, detected, miscorrected and missed.
struct DecodedRuns {
  int corrected = 0, detected = 0, miscorrected = 0, missed = 0;
};

/// What the faults did.
struct FaultTally {
  int faults = 0, live = 0, unfinished = 0;
  DecodedRuns decoded;
  std::set<std::string> classes;  ///< first word of the site
};

/// `per_class` random faults of every class of sites, twice, run at both fidelities in processes of
/// their own; expects them equal and adds them to the tally.
void compare_fidelities(const AcceleratorConfig& accelerator,
                        const std::vector<CheckerConfig>& checkers, const Job& job,
                        std::size_t per_class, std::uint32_t seed, FaultTally& tally,
                        Faults which = Faults::flips);

}  // namespace attnguard
