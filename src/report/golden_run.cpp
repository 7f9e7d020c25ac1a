#include "src/report/golden_run.h"

#include <fmt/format.h>

#include <utility>

#include "src/calibration/fault_free_runs.h"
#include "src/calibration/roc.h"
#include "src/campaign/finished_campaign.h"
#include "src/campaign/session.h"
#include "src/config/or_null.h"
#include "src/config/user_error.h"
#include "src/cost/cost_report.h"
#include "src/files/csv_reader.h"
#include "src/processes/worker_pool.h"
#include "src/report/campaign_results.h"
#include "src/simulation/errors.h"
#include "src/simulation/run_report.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

Json field_or_null(const CsvTable& table, std::size_t column) {
  return table[column].empty() ? Json() : Json(table.number(column));
}

Json computed_roc(const fs::path& folder, const CampaignSession& session,
                  const Prepared& prepared) {
  const CampaignContext& context = session.context();
  const FaultFree clean = fault_free_of(session.golden(), context.comparisons);
  const Roc roc = make_roc(folder / "injections.csv", context, prepared.config.campaign,
                           ignores_nonfinite(prepared), clean);
  Json points = Json::array();
  for (const RocPoint& point : roc.points) {
    if (roc.curves[point.curve].comparison != kAnyComparison) continue;
    const std::optional<Interval>& interval = point.estimate.interval;
    points.push_back({{"checker", context.checkers[roc.curves[point.curve].checker]},
                      {"fault_class", enum_name(point.fault_class)},
                      {"site_class", point.site_class},
                      {"factor", point.factor},
                      {"coverage", or_null(point.estimate.share)},
                      {"ci_low", interval ? Json(interval->low) : Json()},
                      {"ci_high", interval ? Json(interval->high) : Json()},
                      {"alarms", point.check_alarms},
                      {"checks", point.checks}});
  }
  return points;
}

Json written_roc(const fs::path& file) {
  CsvTable table(file, file.string());
  const std::size_t checker = table.column("checker"), comparison = table.column("comparison"),
                    fault_class = table.column("fault_class"),
                    site_class = table.column("site_class"), factor = table.column("factor"),
                    coverage = table.column("coverage"), ci_low = table.column("ci_low"),
                    ci_high = table.column("ci_high"), alarms = table.column("check_alarms"),
                    checks = table.column("checks");
  Json points = Json::array();
  while (table.next()) {
    if (table[comparison] != kAnyComparison) continue;
    points.push_back({{"checker", table[checker]},
                      {"fault_class", table[fault_class]},
                      {"site_class", table[site_class]},
                      {"factor", table.number(factor)},
                      {"coverage", field_or_null(table, coverage)},
                      {"ci_low", field_or_null(table, ci_low)},
                      {"ci_high", field_or_null(table, ci_high)},
                      {"alarms", table.count(alarms)},
                      {"checks", table.count(checks)}});
  }
  return points;
}

/// In the child.
Json simulate(const fs::path& folder) {
  const FinishedCampaign finished = reopen_campaign(folder, folder.string());
  const Prepared& prepared = finished.prepared;
  CampaignSession session(prepared);
  cut_to(session.plan(), finished.injections);
  const RunResult& golden = session.golden();
  Json run = run_json(prepared, golden, report_run(prepared, golden), nullptr);
  run["cost"] = cost_json(report_cost(golden, prepared.config.checkers,
                                      prepared.config.accelerator.clock_mhz, prepared.technology));
  Json result = {{"run", std::move(run)}};
  if (!fs::exists(folder / "roc" / "roc.csv"))
    result["roc"] = computed_roc(folder, session, prepared);
  return result;
}

}  // namespace

GoldenRun golden_run(const fs::path& folder) {
  Json result;
  run_in_workers(
      {1, 1}, 1, "fault-free run",
      [&](std::uint64_t) -> WorkResult {
        try {
          return {simulate(folder).dump(), true};
        } catch (const UserError& error) {
          return {Json{{"problem", error.what()}}.dump(), true};
        } catch (const ModelError& error) {
          return {Json{{"problem", error.what()}}.dump(), true};
        }
      },
      [&](std::uint64_t, const std::string& bytes) { result = Json::parse(bytes); });
  GoldenRun golden;
  if (result.contains("problem")) {
    golden.problem = result["problem"];
    return golden;
  }
  golden.run = std::move(result["run"]);
  golden.fault_free = "the golden run";
  if (result.contains("roc")) {
    golden.roc = std::move(result["roc"]);
    return golden;
  }
  golden.roc = written_roc(folder / "roc" / "roc.csv");
  const Json header = read_json(folder / "roc" / "roc.json");
  if (header.value("config_sha256", Json()) != golden.run.at("config_sha256"))
    throw UserError((folder / "roc").string() +
                    ": of another campaign; call `attnguard roc` again");
  if (header.value(Json::json_pointer("/fault_free/source"), "") == "calibration")
    golden.fault_free = "a calibration";
  return golden;
}

}  // namespace attnguard
