// attnguard campaign: faults, coverage, files; or one shard of that; or with --dry-run what it
// would take.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "src/campaign/campaign.h"
#include "src/campaign/shard.h"
#include "src/cli/campaign_summary.h"
#include "src/cli/command_line.h"
#include "src/cli/percent_text.h"
#include "src/cli/progress.h"
#include "src/cli/resume.h"
#include "src/cli/standard_streams.h"
#include "src/cli/text_table.h"
#include "src/config/printable.h"
#include "src/simulation/errors.h"
#include "src/simulation/prepared.h"

namespace attnguard {
namespace {

// The rows of one checker at the configured tolerance; every checker has the same groups in the
// same order.
std::vector<CoverageRow> rows_of(const CampaignSummary& summary, const std::string& checker,
                                 double tolerance) {
  std::vector<CoverageRow> rows;
  for (const CoverageRow& row : summary.coverage)
    if (row.checker == checker && row.tolerance == tolerance) rows.push_back(row);
  return rows;
}

void print_coverage(const CampaignSummary& summary, const CampaignConfig& config) {
  std::vector<std::vector<CoverageRow>> by_checker;
  std::vector<std::string> function_head{"site class", "injections", "dangerous"};
  std::vector<std::string> safety_head{"checker state", "injections"};
  for (const CheckerSummary& checker : summary.checkers) {
    by_checker.push_back(rows_of(summary, checker.name, config.tolerance.relative));
    function_head.push_back(checker.name);
    safety_head.push_back(checker.name);
  }
  TextTable function, safety;
  function.head(function_head);
  safety.head(safety_head);
  bool any_safety = false;
  const bool one_class =
      by_checker.front().front().fault_class == by_checker.front().back().fault_class;
  for (std::size_t i = 0; i < by_checker.front().size(); ++i) {
    const CoverageRow& first = by_checker.front()[i];
    std::string site = first.site_class;
    if (!one_class) site += fmt::format(", {}", enum_name(first.fault_class));
    std::vector<Cell> line{std::move(site), grouped(first.injections)};
    const bool is_function = first.domain == Domain::function;
    if (is_function)
      line.emplace_back(
          grouped(first.counts[Verdict::detected] + first.counts[Verdict::undetected]));
    for (const auto& rows : by_checker) {
      if (is_function) {
        line.emplace_back(percent_text(rows[i].coverage, rows[i].interval));
      } else {
        const bool own = rows[i].counts[Verdict::not_applicable] < rows[i].injections;
        line.emplace_back(own ? grouped(rows[i].counts[Verdict::spurious_alarm]) : "-");
      }
    }
    any_safety |= !is_function;
    (is_function ? function : safety).add(std::move(line));
  }
  fmt::print(
      "\ncoverage in % of dangerous faults (output error beyond {}, hang or crash), with {} % "
      "interval\n\n{}",
      config.tolerance.relative, 100 * config.confidence, function.str());
  if (any_safety)
    fmt::print("\nspurious alarms from faults in the checkers' own state\n\n{}", safety.str());
}

std::string recovery_text(const RecoverySummary& summary, const RecoveryConfig& config) {
  std::string outcomes;
  for (const auto& [outcome, name] : EnumNames<RecoveryOutcome>::names)
    if (outcome != RecoveryOutcome::none && summary[outcome] > 0)
      outcomes +=
          fmt::format("{}{} {}", outcomes.empty() ? "" : ", ", name, grouped(summary[outcome]));
  std::string text = fmt::format("recovery, {}: {}\n", enum_name(config.policy),
                                 outcomes.empty() ? "no alarm" : outcomes);
  const auto cycles = [](const RecoveryQuantiles& quantiles) {
    if (!quantiles.max) return std::string("-");
    return fmt::format("p50 {}, p99 {}, max {}", *quantiles.p50, *quantiles.p99, *quantiles.max);
  };
  for (const RecoveryFigures& figures : summary.classes)
    text += fmt::format(
        "  {}: {} of {} detected sdc, {} within the tolerance; extra cycles {}; cycles to recover "
        "{}\n",
        enum_name(figures.fault_class), figures.recovered_sdc, figures.detected_sdc,
        figures.tolerable_sdc, cycles(figures.extra_cycles), cycles(figures.cycles_to_recover));
  return text;
}

void print_summary(const CampaignSummary& summary, const Config& configuration,
                   const std::string& folder) {
  const CampaignConfig& config = configuration.campaign;
  if (!summary.checkers.empty()) print_coverage(summary, config);
  if (summary.undrawn_strata > 0)
    fmt::print(
        "\n{} strata got no injection and are missing from the totals; more injections reach "
        "them\n",
        summary.undrawn_strata);
  if (config.stop)
    fmt::print("\nstopped at {} of {} injections: half the interval of {} is {} {}\n",
               summary.injections, summary.planned, config.stop->checker,
               summary.stop_met ? "at most" : "still above", config.stop->half_width);
  std::string effects;
  for (const auto& [effect, count] : summary.effects)
    if (count > 0)
      effects += fmt::format("{}{} {}", effects.empty() ? "" : ", ", effect, grouped(count));
  fmt::print("\n{} injections in {}: {}\n", grouped(summary.injections),
             Progress::duration(summary.wall_s), effects);
  fmt::print("engines: differential {}, full {}; audit: {} repeated in {}, {} differ\n",
             grouped(summary.differential), grouped(summary.full),
             grouped(summary.audit.injections), Progress::duration(summary.audit.wall_s),
             styled(grouped(summary.audit.mismatches.size()),
                    summary.audit.mismatches.empty() ? Style::plain : Style::alert));
  if (summary.recovery) fmt::print("{}", recovery_text(*summary.recovery, *configuration.recovery));
  fmt::print(
      "golden run: {} cycles\n\nwritten to {}: injections.csv coverage.csv strata.csv paired.csv "
      "error_size.csv latency.csv{} summary.json timing.json config.json{}\n",
      grouped(summary.golden.cycles), printable(folder), config.safety ? " fmeda.csv" : "",
      summary.audit.mismatches.empty() ? "" : " audit.csv");
}

}  // namespace

void end_with_summary(const CampaignSummary& summary, const Config& configuration,
                      const std::string& folder, bool quiet) {
  try {
    if (!quiet) print_summary(summary, configuration, folder);
  } catch (...) {
    require_sound(summary);  // tells more than that nobody reads
    throw;
  }
  require_sound(summary);
}

namespace {

// ", merged 84.2 [ 64.3,  90.4], ..." of what is resolved so far.
std::string coverage_so_far(const std::vector<CheckerConfig>& checkers,
                            const CoverageTally& tally) {
  std::string text;
  for (std::size_t c = 0; c < checkers.size(); ++c) {
    const CoverageSoFar so_far = tally.so_far(c);
    text +=
        fmt::format("; {} {}", checkers[c].name, percent_text(so_far.coverage, so_far.interval));
  }
  return text;
}

void print_interrupted(const Interrupted& interrupted, const CommandLine& command_line) {
  if (interrupted.kept == 0)
    tell("attnguard: interrupted; nothing to keep yet\n");
  else
    tell(fmt::format("attnguard: interrupted; {} of {} injections are kept, go on with: {}\n",
                     interrupted.kept, interrupted.all, resume_command(command_line)));
}

std::string golden_memory_text(const GoldenMemory& memory) {
  std::string text = fmt::format("golden state {:.1f} MiB, shared by the workers",
                                 static_cast<double>(memory.group_bytes) / (1 << 20));
  if (memory.group_bytes > memory.allowed_bytes)
    text += fmt::format(
        ": more than --memory {:.1f} MiB, so query tiles are recorded again when needed",
        static_cast<double>(memory.allowed_bytes) / (1 << 20));
  return text;
}

// What so many draws of the datapath can support at best: every one dangerous, all of one weight.
void print_support(const CampaignForecast& forecast, double confidence) {
  std::uint64_t draws = 0;
  for (const PlanStratum& stratum : forecast.strata)
    if (stratum.domain == Domain::function) draws += stratum.draws;
  if (draws == 0) return;
  fmt::print("margin      ±{:.3g} % of any share of the {} injections of the datapath\n",
             100 * margin_of_error(draws, confidence), draws);
  fmt::print(
      "no miss     in n dangerous faults of equal weight supports, one-sided, coverage above "
      "{:.4g} "
      "% for n = {}",
      100 * no_miss_bound(draws, confidence), draws);
  for (const double share : {0.99, 0.999, 0.9999})
    fmt::print("; {} % takes {}", 100 * share, no_miss_draws(share, confidence));
  fmt::print("\n");
}

void print_forecast(const CampaignForecast& forecast, const CampaignConfig& config) {
  TextTable table;
  table.head({"stratum", "live bit-cycles", "injections", "interval width up to"});
  double bit_cycles = 0;
  for (const PlanStratum& stratum : forecast.strata) {
    std::string width = "-";
    if (!forecast.census && stratum.draws > 0) {
      const Interval widest = wilson(stratum.draws / 2, stratum.draws, config.confidence);
      width = fmt::format("{:.2f} %", 100 * (widest.high - widest.low));
    }
    table.add({stratum.name, grouped(stratum.live_bit_cycles), grouped(stratum.draws), width});
    bit_cycles += static_cast<double>(stratum.live_bit_cycles);
  }
  fmt::print("{}", table.str());
  fmt::print("\npopulation  {:.6g} live bit-cycles in {} strata, {} cycles\n", bit_cycles,
             forecast.strata.size(), grouped(forecast.golden_cycles));
  fmt::print("injections  {}\n", grouped(forecast.injections));
  if (config.stop)
    fmt::print("stop        at {} injections if half the interval of {} is {} or less\n",
               fmt::join(config.stop->looks, ", "), config.stop->checker, config.stop->half_width);
  if (!forecast.census) print_support(forecast, config.confidence);
  fmt::print("memory      {:.1f} MiB to draw from, shared by the workers\n",
             static_cast<double>(forecast.memory_bytes) / (1 << 20));
  if (forecast.golden_memory)
    fmt::print("            {}\n", golden_memory_text(*forecast.golden_memory));
  fmt::print("time        about {} on {} workers, audit apart ({:.2f} ms per complete run)\n",
             Progress::duration(forecast.expected_s), forecast.workers,
             1000 * forecast.golden_wall_s);
  fmt::print(
      "width       of a stratum's {} % Wilson interval at coverage 50 % if every draw is "
      "dangerous; harmless draws widen it\n",
      100 * config.confidence);
}

void print_shard(const ShardSummary& summary, ShardId shard, const std::string& folder) {
  const ConductedShard& conducted = summary.conducted;
  if (summary.was_finished) return print_finished_shard(shard, folder);
  fmt::print("\nshard {}/{}: {} injections in {} (differential {}, full {})\n", shard.number,
             shard.count, conducted.injections, Progress::duration(summary.wall_s),
             conducted.injections - conducted.full, conducted.full);
  fmt::print("written to {}: shard.chunks shard.json timing.json config.json\n", printable(folder));
}

}  // namespace

int campaign_command(const CommandLine& command_line) {
  const Prepared prepared = prepare(command_line);
  CampaignOptions options;
  options.workers = command_line.workers.value_or(0);
  if (command_line.memory_bytes) options.memory_bytes = *command_line.memory_bytes;
  if (command_line.dry_run) {
    const CampaignForecast forecast = forecast_campaign(prepared, options);
    if (!command_line.quiet) print_forecast(forecast, prepared.config.campaign);
    return kDone;
  }
  options.out = output_directory(command_line);
  options.start = start_mode(command_line);
  options.audit = command_line.audit;
  options.write_faults = command_line.write_faults;
  options.catch_signals = true;
  Progress progress("injections");
  if (!command_line.quiet) {
    options.golden_memory = [](const GoldenMemory& memory) {
      tell(golden_memory_text(memory) + "\n");
    };
    options.progress = [&](const CampaignProgress& now) {
      progress.update(
          now.done, now.all, [&] { return coverage_so_far(prepared.config.checkers, now.so_far); },
          now.kept);
    };
  }
  try {
    if (command_line.shard) {
      const ShardSummary summary = run_shard(prepared, options, *command_line.shard);
      if (!command_line.quiet) print_shard(summary, *command_line.shard, options.out.string());
      require_none_failed(summary.conducted.failed);
      return kDone;
    }
    const CampaignSummary summary = run_campaign(prepared, options);
    end_with_summary(summary, prepared.config, options.out.string(), command_line.quiet);
    return kDone;
  } catch (const Interrupted& interrupted) {
    progress.end_line();
    print_interrupted(interrupted, command_line);
    return kInterrupted;
  } catch (...) {
    progress.end_line();
    rethrow_with_resume(kCampaignFolder, command_line);
  }
}

}  // namespace attnguard
