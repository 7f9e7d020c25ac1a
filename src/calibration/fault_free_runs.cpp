#include "src/calibration/fault_free_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "src/campaign/faults/random_stream.h"
#include "src/files/csv.h"
#include "src/processes/carried_error.h"
#include "src/processes/worker_pool.h"
#include "src/simulation/errors.h"
#include "src/simulation/require_finished.h"
#include "src/workload/load_workload.h"

namespace attnguard {
namespace {

using Names = std::vector<std::vector<std::string>>;

constexpr std::uint32_t kAllHeads = std::numeric_limits<std::uint32_t>::max();

/// Of one comparison in one unit.
struct Tally {
  RatioCounts checks;
  std::uint64_t alarms = 0;
  double low_factor = std::numeric_limits<double>::infinity(), high_factor = 0;

  void add(const Check& check) {
    checks.add(clean_ratio(check));
    alarms += check.alarm ? 1 : 0;
    if (check.nonfinite || !(check.scale > 0)) return;
    low_factor = std::min(low_factor, check.threshold / check.scale);
    high_factor = std::max(high_factor, check.threshold / check.scale);
  }
};

/// What a worker found out about one inference: its units' tallies, the comparisons of all checkers
/// one after the other.
std::vector<std::vector<Tally>> tallies(const RunResult& run, const Names& comparisons,
                                        std::uint32_t heads_per_unit, std::uint32_t units) {
  std::size_t all = 0;
  for (const auto& names : comparisons) all += names.size();
  std::vector<std::vector<Tally>> found(units, std::vector<Tally>(all));
  std::size_t first = 0;
  for (std::size_t c = 0; c < comparisons.size(); ++c) {
    for (const Check& check : run.checkers[c].checks)
      found[check.head / heads_per_unit][first + check.comparison].add(check);
    first += comparisons[c].size();
  }
  return found;
}

Json to_json(const std::vector<Tally>& unit) {
  Json json = Json::array();
  for (const Tally& tally : unit)
    json.push_back({tally.checks.counts(), tally.alarms, tally.low_factor, tally.high_factor});
  return json;
}

std::vector<Tally> from_json(const Json& json) {
  std::vector<Tally> unit;
  for (const Json& item : json) {
    Tally& tally = unit.emplace_back();
    for (const Json& bin : item.at(0))
      tally.checks.add(bin.at(0).get<double>(), bin.at(1).get<std::uint64_t>());
    tally.alarms = item.at(1);
    tally.low_factor = item.at(2);
    tally.high_factor = item.at(3);
  }
  return unit;
}

/// Joins the units of a sample, one after the other.
class Collector {
 public:
  Collector(const Names& comparisons, std::string unit, std::uint64_t units) {
    sample_.unit = std::move(unit);
    sample_.units = units;
    for (std::size_t c = 0; c < comparisons.size(); ++c)
      for (const std::string& name : comparisons[c]) {
        CleanComparison comparison;
        comparison.checker = c;
        comparison.name = name;
        sample_.comparisons.push_back(std::move(comparison));
      }
    ranges_.resize(sample_.comparisons.size());
  }

  void add(const std::vector<Tally>& unit) {
    const auto half = static_cast<std::size_t>(sample_.half(added_++));
    for (std::size_t i = 0; i < unit.size(); ++i) {
      CleanComparison& comparison = sample_.comparisons[i];
      const Tally& tally = unit[i];
      comparison.checks[half].add(tally.checks);
      comparison.largest.push_back(tally.checks.threshold(0));
      comparison.alarms += tally.alarms;
      comparison.alarmed_units += tally.alarms > 0 ? 1 : 0;
      ranges_[i].low_factor = std::min(ranges_[i].low_factor, tally.low_factor);
      ranges_[i].high_factor = std::max(ranges_[i].high_factor, tally.high_factor);
    }
  }

  FaultFree finish() {
    for (std::size_t i = 0; i < ranges_.size(); ++i)
      sample_.comparisons[i].factor = factor(ranges_[i]);
    return std::move(sample_);
  }

 private:
  /// Rounding makes quotients of one factor differ in the last bits.
  static std::optional<double> factor(const Tally& range) {
    constexpr double kSpread = 1e-9;
    if (range.high_factor - range.low_factor > kSpread * range.high_factor) return std::nullopt;
    return rounded(range.high_factor, 15);
  }

  FaultFree sample_;
  std::vector<Tally> ranges_;
  std::uint64_t added_ = 0;
};

std::string residual_rows(const RunResult& run, const Prepared& prepared, const Names& comparisons,
                          std::uint64_t inference) {
  fmt::memory_buffer text;
  CsvLine line;
  for (std::size_t c = 0; c < comparisons.size(); ++c)
    for (const Check& check : run.checkers[c].checks) {
      line.add(inference).add(prepared.config.checkers[c].name);
      line.add(comparisons[c][check.comparison]).add(check.head).add(check.query_row);
      line.add(check.cycle).add(check.residual).add(check.scale).add(check.threshold);
      line.end(text);
    }
  return fmt::to_string(text);
}

/// Independent of the tensors of runs and campaigns with any seed.
std::uint64_t fresh_seed(std::uint64_t seed, std::uint64_t inference) {
  return RandomStream(seed, stable_hash("calibration"), inference)
      .below(std::numeric_limits<std::uint64_t>::max());
}

/// What one inference is cut into.
struct Units {
  std::string name;
  std::uint32_t count = 1, heads_each = 1;
};

/// Each inference in a worker: load(inference), then a run. Errors are carried here.
FaultFree run_inferences(const Prepared& prepared, const CalibrationOptions& options,
                         std::uint64_t inferences, const Units& units,
                         const std::function<void(Simulation&, std::uint64_t)>& load) {
  constexpr bool kInterposers = false;  // no fault is armed here
  Simulation simulation(prepared.config.accelerator, prepared.config.checkers, prepared.job,
                        kInterposers);
  const Names& comparisons = simulation.comparisons();
  const auto work = [&](std::uint64_t inference) {
    Json found;
    try {
      load(simulation, inference);
      const RunResult run = simulation.run();
      require_finished(run);
      found["units"] = Json::array();
      for (const auto& unit : tallies(run, comparisons, units.heads_each, units.count))
        found["units"].push_back(to_json(unit));
      if (options.residuals) found["rows"] = residual_rows(run, prepared, comparisons, inference);
    } catch (...) {
      found = {{"error", current_error()}};
    }
    const std::vector<std::uint8_t> bytes = Json::to_cbor(found);
    return WorkResult{std::string(bytes.begin(), bytes.end()), false};
  };
  Collector collector(comparisons, units.name, inferences * units.count);
  PoolOptions pool{options.workers, 4, {}, [&] {
                     if (options.interrupted && options.interrupted())
                       throw Interrupted(0, inferences);
                   }};
  run_in_workers(pool, inferences, "inference", work,
                 [&](std::uint64_t inference, const std::string& bytes) {
                   const Json found = Json::from_cbor(bytes);
                   if (found.contains("error")) throw_error(found["error"]);
                   for (const Json& unit : found.at("units")) collector.add(from_json(unit));
                   if (options.residuals) options.residuals(found.at("rows").get<std::string>());
                   if (options.progress && inferences > 1)
                     options.progress(inference + 1, inferences);
                 });
  return collector.finish();
}

FaultFree split_heads(const Prepared& prepared, const CalibrationOptions& options) {
  const AttentionShape shape =
      prepared.attention() != nullptr ? prepared.attention()->shape : AttentionShape{};
  if (shape.kv_heads < 2)
    prepared.origin.reject(
        "/calibration/split", "heads",
        "tensors of at least 2 kv heads, so that calibration and evaluation see different ones");
  return run_inferences(prepared, options, 1,
                        {"kv_head", shape.kv_heads, shape.heads / shape.kv_heads},
                        [](Simulation&, std::uint64_t) {});
}

FaultFree fresh_seeds(const Prepared& prepared, const CalibrationOptions& options) {
  const Config& config = prepared.config;
  if (config.workload.from_files())
    prepared.origin.reject("/calibration/split", "seeds",
                           "heads, as the tensors are given and cannot be drawn");
  const std::filesystem::path folder = std::filesystem::path(prepared.origin.file).parent_path();
  return run_inferences(
      prepared, options, config.calibration.inferences.value_or(1000), {"inference", 1, kAllHeads},
      [&](Simulation& simulation, std::uint64_t inference) {
        simulation.load(load_workload(config.workload, fresh_seed(config.seed, inference),
                                      config.accelerator.formats.operand, folder, prepared.origin)
                            .job);
      });
}

}  // namespace

FaultFree run_fault_free(const Prepared& prepared, const CalibrationOptions& options) {
  if (prepared.config.checkers.empty())
    prepared.origin.reject("/checkers", "{}", "at least one checker to calibrate");
  return prepared.config.calibration_split() == CalibrationSplit::heads
             ? split_heads(prepared, options)
             : fresh_seeds(prepared, options);
}

FaultFree fault_free_of(const RunResult& golden, const Names& comparisons) {
  Collector collector(comparisons, "inference", 1);
  collector.add(tallies(golden, comparisons, kAllHeads, 1).front());
  return collector.finish();
}

std::string residuals_header() {
  return CsvLine()
      .add_fields("inference,checker,comparison,head,query_row,cycle,residual,scale,threshold")
      .str();
}

}  // namespace attnguard
