// attnguard replay DIR N: one injection of a campaign again, by a complete run.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <string>

#include "src/campaign/finished_campaign.h"
#include "src/campaign/injections/record_injection.h"
#include "src/campaign/replay.h"
#include "src/cli/command_line.h"
#include "src/cli/recorded_files.h"
#include "src/cli/text_table.h"
#include "src/config/printable.h"
#include "src/config/user_error.h"
#include "src/simulation/output_dir.h"
#include "src/simulation/prepared.h"

namespace attnguard {
namespace {

constexpr std::size_t kListedItems = 8;  ///< printed of a long list; replay.json holds all

std::uint64_t parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    throw UserError("N: \"" + text +
                    "\"; the number of an injection, as in the first column of injections.csv");
  return number;
}

void print_fault(const Replay& replay) {
  const auto field = [&](const std::string& column) {
    for (std::size_t i = 0; i < replay.columns.size(); ++i)
      if (replay.columns[i] == column) return replay.row[i];
    return std::string();
  };
  fmt::print("injection {}: {} bit {} ({} flipped) at cycle {}\n", field("injection"),
             field("site"), field("bit"), field("bits_flipped"), field("inject_cycle"));
  if (replay.run.fault.activated) {
    fmt::print("  read at cycle {}: {} -> {}", field("activate_cycle"), field("value_before"),
               field("value_after"));
    if (!field("head").empty()) fmt::print(", head {}", field("head"));
    if (!field("query_row").empty()) fmt::print(", query row {}", field("query_row"));
    if (!field("key_tile").empty()) fmt::print(", key tile {}", field("key_tile"));
    fmt::print("\n");
  } else {
    fmt::print("  never read\n");
  }
}

void print_effect(const Replay& replay, bool heads) {
  fmt::print("effect: {}\n", enum_name(replay.effect));
  if (replay.run.completion == Completion::crash) fmt::print("  {}\n", replay.run.crash_reason);
  if (replay.changed_rows.empty()) return;
  fmt::print(
      "  {} values in {} rows, first wrong word stored at cycle {}, error {} of the row's largest "
      "value\n",
      replay.measurement.difference.changed_values, replay.measurement.difference.changed_rows,
      replay.measurement.first_bad_commit_cycle, replay.measurement.difference.max_row_error);
  fmt::print(heads ? "  head:row" : "  row");
  for (std::size_t i = 0; i < std::min(kListedItems, replay.changed_rows.size()); ++i) {
    const auto& [head, row] = replay.changed_rows[i];
    fmt::print(heads ? " {0}:{1}" : " {1}", head, row);
  }
  fmt::print("{}\n", replay.changed_rows.size() > kListedItems ? " ..." : "");
}

void print_checks(const CampaignContext& context, const Replay& replay) {
  for (std::size_t c = 0; c < context.checkers.size(); ++c) {
    const CheckerResult& result = replay.run.checkers[c];
    fmt::print("checker {}: {}\n", context.checkers[c],
               result.alarm_cycle == kNever ? "silent"
                                            : fmt::format("alarm at cycle {}", result.alarm_cycle));
    std::size_t listed = 0;
    for (const ChangedCheck& changed : replay.changed_checks) {
      if (changed.checker != c) continue;
      if (++listed > kListedItems) {
        fmt::print("  ...\n");
        break;
      }
      const Check& check = changed.faulty;
      fmt::print(
          "  cycle {} {} head {} row {} key tile {}: residual {:.4g} (golden {:.4g}), scale {:.4g} "
          "({:.4g}), threshold {:.4g} ({:.4g}){}\n",
          check.cycle, context.comparisons[c][check.comparison], check.head, check.query_row,
          check.key_tile, check.residual, changed.golden.residual, check.scale,
          changed.golden.scale, check.threshold, changed.golden.threshold,
          check.alarm ? styled(" ALARM", Style::alert) : "");
    }
  }
}

void print_recovery(const CampaignContext& context, const Replay& replay) {
  if (!replay.measurement.recovery) return;
  const RecoveryMeasurement& recovery = *replay.measurement.recovery;
  fmt::print("recovery, {}: ", enum_name(context.recovery->config.policy));
  if (recovery.outcome == RecoveryOutcome::none) {
    fmt::print("no alarm that interrupts\n");
    return;
  }
  fmt::print("{} after {} retries", enum_name(recovery.outcome), recovery.retries);
  if (recovery.finished())
    fmt::print(", {} extra cycles, {} values differ", recovery.extra_cycles,
               recovery.changed_values);
  if (recovery.outcome == RecoveryOutcome::recovered)
    fmt::print(", {} cycles from the alarm on", recovery.cycles_to_recover);
  fmt::print("\n");
}

}  // namespace

int replay_command(const CommandLine& command_line) {
  const std::filesystem::path campaign = command_line.positional.at(0);
  const std::uint64_t number = parse_number(command_line.positional.at(1));
  const auto [header, row] = stored_row(campaign, number);

  const std::string out =
      command_line.out.value_or((campaign / fmt::format("replay_{}", number)).string());
  require_outside(out, campaign);
  const FinishedCampaign finished = reopen_campaign(campaign, out);
  OutputDir folder(out, command_line.force);

  CampaignSession session(finished.prepared);
  cut_to(session.plan(), finished.injections);
  const Replay replay = replay_injection(session, number, header, row);
  nlohmann::ordered_json json = result_header(finished.prepared);
  json.update(replay_json(session.context(), replay));
  write_json(folder.path() / "replay.json", json);
  std::string more;
  if (wants_recording(command_line)) {
    const bool recovering = replay.measurement.recovery &&
                            replay.measurement.recovery->outcome != RecoveryOutcome::none;
    more = write_recorded(command_line, folder.path(),
                          recorded_system(finished.prepared, session.context().comparisons),
                          record_injection(session, session.plan().injection(number), recovering));
  }
  folder.commit();
  if (command_line.quiet) return kDone;
  print_fault(replay);
  print_effect(replay, finished.prepared.gemm() == nullptr);
  print_checks(session.context(), replay);
  print_recovery(session.context(), replay);
  fmt::print("{}; written to {}: replay.json{}\n",
             replay.reproduced ? "row reproduced" : "a sim_error in the campaign, not here",
             printable(out), more);
  return kDone;
}

}  // namespace attnguard
