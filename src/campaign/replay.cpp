#include "src/campaign/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <utility>

#include "src/campaign/figures/row.h"
#include "src/campaign/finished_campaign.h"
#include "src/config/user_error.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

// No field of injections.csv needs quotes: site names, checker names and numbers hold no comma.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields{""};
  for (const char c : line) {
    if (c == ',')
      fields.emplace_back();
    else if (c != '\r' && c != '\n')
      fields.back() += c;
  }
  return fields;
}

// The row of an injection on which worker processes died.
bool has_failed(const std::vector<std::string>& columns, const std::vector<std::string>& row) {
  for (std::size_t i = 0; i < std::min(columns.size(), row.size()); ++i)
    if (columns[i] == "effect") return row[i] == enum_name(Effect::sim_error);
  return false;
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> rows_that_differ(
    const CampaignContext& context, const RunResult& run) {
  const OutputLayout& layout = context.layout;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;
  for (std::size_t row = 0; row * layout.head_dim < run.output.size(); ++row) {
    const auto first = static_cast<std::ptrdiff_t>(row * layout.head_dim);
    if (!std::equal(run.output.begin() + first, run.output.begin() + first + layout.head_dim,
                    context.golden.output.begin() + first))
      rows.emplace_back(row / layout.tokens_q, row % layout.tokens_q);
  }
  return rows;
}

std::vector<ChangedCheck> checks_that_differ(const CampaignContext& context, const RunResult& run) {
  std::vector<ChangedCheck> changed;
  for (std::size_t c = 0; c < context.checkers.size(); ++c) {
    CheckPairs pairs(context.golden.checkers[c].checks, context.comparisons[c].size());
    for (const Check& faulty : run.checkers[c].checks) {
      const Check* golden = pairs.next(faulty);
      if (golden != nullptr && (!same_inputs(*golden, faulty) || faulty.alarm))
        changed.push_back({c, *golden, faulty});
    }
  }
  return changed;
}

// A number where the field is one, text otherwise, null where it is empty.
Json field_json(const std::string& field) {
  if (field.empty()) return nullptr;
  const Json number = Json::parse(field, nullptr, false);
  return number.is_number() ? number : Json(field);
}

Json figures(const Check& check) {
  return {{"residual", check.residual}, {"scale", check.scale}, {"threshold", check.threshold}};
}

Json check_json(const ChangedCheck& changed, bool gemm) {
  const Check& check = changed.faulty;
  Json json;
  if (!gemm) json["head"] = check.head;
  json["query_row"] = check.query_row;
  json[gemm ? "column_tile" : "key_tile"] = check.key_tile;
  json.update({{"cycle", check.cycle}, {"alarm", check.alarm}, {"nonfinite", check.nonfinite}});
  json.update(figures(check));
  json["golden"] = figures(changed.golden);
  if (check.located_row >= 0)
    json["located"] = {{"query_row", check.located_row},
                       {"column", check.located_column},
                       {"corrected", check.corrected}};
  return json;
}

}  // namespace

std::pair<std::string, std::string> stored_row(const std::filesystem::path& folder,
                                               std::uint64_t number) {
  const std::filesystem::path file = injections_file(folder);
  std::ifstream stream(file, std::ios::binary);
  std::string header, row;
  std::getline(stream, header);
  std::uint64_t rows = 0;
  while (std::getline(stream, row))
    if (rows++ == number) return {header + "\n", row + "\n"};
  if (stream.bad()) throw MachineError(file.string() + ": cannot be read");
  throw UserError(
      fmt::format("{}: no injection {}; 0 to {}", file.string(), number, rows == 0 ? 0 : rows - 1));
}

Replay replay_injection(CampaignSession& session, std::uint64_t number,
                        const std::string& stored_header, const std::string& stored) {
  const CampaignContext& context = session.context();
  if (number >= session.plan().size() || injections_header(context) != stored_header)
    throw ModelError("injections.csv is not of this configuration and version");
  const Injection injection = session.plan().injection(number);
  Replay replay;
  replay.run = session.simulate()(injection.all(), context.watchdog_cycles());
  replay.measurement = measure(context, replay.run);
  require_consistent(context, injection, replay.measurement);
  measure_recovery(context, injection, replay.measurement);
  const std::string row = RowWriter(context).row({injection, replay.measurement});
  replay.columns = split(stored_header);
  replay.row = split(row);
  replay.reproduced = row == stored;
  if (!replay.reproduced && !has_failed(replay.columns, split(stored)))
    throw ModelError(fmt::format("injection {} is not reproduced:\n  stored   {}  replayed {}",
                                 number, stored, row));
  replay.effect = judge_effect(replay.measurement, injection.first_cycle, context.tolerance);
  if (replay.run.completion == Completion::finished)
    replay.changed_rows = rows_that_differ(context, replay.run);
  replay.changed_checks = checks_that_differ(context, replay.run);
  return replay;
}

Json replay_json(const CampaignContext& context, const Replay& replay) {
  Json json;
  for (std::size_t i = 0; i < replay.columns.size(); ++i)
    json["injection"][replay.columns[i]] = field_json(replay.row[i]);

  // Assigned at the end: an insertion into an ordered object moves its members.
  Json units = Json::object(), checkers = Json::object();
  if (replay.run.completion == Completion::finished) {
    const bool diverged = replay.measurement.first_bad_commit_cycle != kNever;
    units[context.layout.gemm ? "result_memory" : "external_memory"] = {
        {"first_divergence_cycle",
         diverged ? Json(replay.measurement.first_bad_commit_cycle) : Json(nullptr)},
        {"diverged_values", replay.measurement.difference.changed_values}};
  }
  for (std::size_t c = 0; c < context.checkers.size(); ++c) {
    Json& checker = checkers[context.checkers[c]];
    const std::uint64_t alarm = replay.run.checkers[c].alarm_cycle;
    checker["alarm_cycle"] = alarm == kNever ? Json(nullptr) : Json(alarm);
    for (const std::string& comparison : context.comparisons[c])
      checker["comparisons"][comparison] = Json::array();
    std::uint64_t first = kNever, diverged = 0;
    for (const ChangedCheck& changed : replay.changed_checks) {
      if (changed.checker != c) continue;
      checker["comparisons"][context.comparisons[c][changed.faulty.comparison]].push_back(
          check_json(changed, context.layout.gemm));
      first = std::min(first, changed.faulty.cycle);
      ++diverged;
    }
    units["checksum." + context.checkers[c]] = {
        {"first_divergence_cycle", diverged > 0 ? Json(first) : Json(nullptr)},
        {"diverged_values", diverged}};
  }
  json["units"] = std::move(units);
  json["checkers"] = std::move(checkers);
  return json;
}

}  // namespace attnguard
