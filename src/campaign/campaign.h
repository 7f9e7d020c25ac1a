// A fault campaign from golden run to coverage table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/campaign/conduct.h"
#include "src/campaign/figures/coverage.h"
#include "src/files/resumable_folder.h"
#include "src/simulation/simulation.h"

namespace attnguard {

struct Prepared;
class CampaignSession;

/// Of the golden state: one group of query heads is held at a time.
struct GoldenMemory {
  std::uint64_t group_bytes = 0;    ///< all query tiles of the largest group
  std::uint64_t allowed_bytes = 0;  ///< if less, one query tile is held and recorded again at need
};

struct CampaignOptions {
  std::uint32_t workers = 0;  ///< processes; 0: one per core
  /// Directory for the files of docs/outputs.md; empty: write nothing.
  std::filesystem::path out;
  StartMode start = StartMode::refuse;
  std::optional<std::uint64_t> audit;        ///< injections to repeat; see AuditSelection
  bool write_faults = false;                 ///< also faults.csv
  std::uint64_t memory_bytes = 4ULL << 30U;  ///< for the golden state of the differential engine
  bool catch_signals = false;                ///< SIGINT and SIGTERM throw Interrupted
  std::function<void(const CampaignProgress&)> progress;  ///< may be empty
  /// Told before the golden state of the differential engine is taken; may be empty.
  std::function<void(const GoldenMemory&)> golden_memory;
};

/// The `total` row of one checker: weighted over every function stratum at the configured
/// tolerance.
struct CheckerSummary {
  std::string name;
  std::uint64_t detected = 0, undetected = 0, safe_detected = 0, benign = 0, spurious_alarms = 0,
                not_applicable = 0;
  std::optional<double> coverage, ci_low,
      ci_high;  ///< empty without dangerous faults; no interval for a census
  std::optional<std::uint64_t> latency_p50_cycles, latency_p95_cycles, latency_p99_cycles,
      latency_max_cycles;
};

struct CampaignSummary {
  std::uint64_t injections = 0;
  std::uint64_t planned = 0;  ///< more where the stop rule ended the campaign
  bool stop_met = false;      ///< the interval was as narrow as the stop rule asks
  std::map<std::string, std::uint64_t> effects;
  std::vector<CheckerSummary> checkers;  ///< in configuration order
  std::vector<CoverageRow> coverage;     ///< rows of coverage.csv
  std::uint64_t undrawn_strata =
      0;  ///< strata of the datapath that got no injection: missing from the totals
  std::optional<RecoverySummary> recovery;  ///< with a recovery policy
  RunResult golden;
  std::uint64_t full = 0, differential = 0;  ///< injections by engine
  AuditResult audit;
  FailedInjections failed;
  double wall_s = 0;  ///< golden run and injections
};

/// Elaborates, runs golden, injects, audits, writes. UserError for a wrong site, trigger or folder
/// and for a checker that alarms without a fault; ModelError, UnfinishedError and Interrupted as
/// errors.h says. At most one simulation per process, so at most one campaign.
CampaignSummary run_campaign(const Prepared& prepared, const CampaignOptions& options);

/// All but the time of a campaign whose injections are resolved.
CampaignSummary summarise(const CampaignSession& session, const Conducted& conducted);

/// AuditError for an audit that found a mismatch, ModelError for injections that failed. The
/// results are written by then.
void require_sound(const CampaignSummary& summary);

/// What a campaign would do.
struct CampaignForecast {
  std::uint64_t injections = 0;
  std::vector<std::uint64_t> looks;  ///< sizes at which it may end
  std::vector<PlanStratum> strata;
  bool census = false;
  std::uint64_t golden_cycles = 0;
  double golden_wall_s = 0;  ///< of one run
  std::uint32_t workers = 0;
  std::size_t memory_bytes = 0;               ///< held to draw from, once per process
  std::optional<GoldenMemory> golden_memory;  ///< of the differential engine
  double expected_s = 0;  ///< golden runs and injections, on all workers; a sample was timed
};
/// Everything up to the first injection, and a few of them to see how long they take.
CampaignForecast forecast_campaign(const Prepared& prepared, const CampaignOptions& options);

}  // namespace attnguard
