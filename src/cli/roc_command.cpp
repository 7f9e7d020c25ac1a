// attnguard roc DIR: coverage against false alarms for every threshold, from a campaign's rows.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "src/calibration/fault_free_runs.h"
#include "src/calibration/roc.h"
#include "src/campaign/finished_campaign.h"
#include "src/campaign/session.h"
#include "src/cli/command_line.h"
#include "src/cli/percent_text.h"
#include "src/cli/text_table.h"
#include "src/config/printable.h"
#include "src/config/user_error.h"
#include "src/config/writer.h"
#include "src/simulation/output_dir.h"

namespace attnguard {
namespace {

/// Everything that decides what a residual is divided by: the accelerator, and the checkers without
/// the values of their thresholds.
nlohmann::ordered_json scales_of(const Config& config, const CampaignContext& context) {
  nlohmann::ordered_json json = {{"accelerator", write_struct(config.accelerator)}};
  json["accelerator"].erase("fidelity");
  json["checkers"] = write_checkers(config.checkers);
  for (const CheckerConfig& checker : config.checkers)
    for (std::size_t c = 0; c < context.checkers.size(); ++c) {
      if (context.checkers[c] != checker.name) continue;
      for (const std::string& comparison : context.comparisons[c]) {
        const auto key = checker.options.threshold_key(comparison);
        if (!key) continue;
        at_dotted(json["checkers"][checker.name], key->value) = nullptr;
        if (!key->rule.empty())
          at_dotted(json["checkers"][checker.name], key->rule_key) = key->rule;
      }
    }
  return json;
}

/// The sample of a calibration of the same hardware and checkers.
FaultFree calibrated(const std::filesystem::path& folder, const Prepared& prepared,
                     const CampaignContext& context, const FaultFree& golden) {
  CommandLine line;
  line.positional = {(folder / "config.json").string()};
  const auto here = scales_of(prepared.config, context);
  const auto there = scales_of(read_configuration(line).config, context);
  for (const auto& change : nlohmann::ordered_json::diff(here, there)) {
    const std::string path = change.at("path");
    if (change.at("op") == "add" && path.rfind("/checkers/", 0) == 0 &&
        path.find('/', std::string("/checkers/").size()) == std::string::npos)
      continue;  // a checker that the campaign does not have
    throw UserError(
        fmt::format("--calibration {}: {} differs; a calibration of the campaign's "
                    "accelerator and checkers, values of thresholds apart",
                    folder.string(), path));
  }
  return read_fault_free(folder, golden, context.checkers);
}

std::string percent(const RocPoint& point) {
  return percent_text(point.estimate.share, point.estimate.interval);
}

/// Per class of faults and curve: as configured, and at the lowest factor that is silent on all
/// fault-free data.
void print_curves(const Roc& roc, const CampaignContext& context, const FaultFree& clean) {
  TextTable table("<<<>");
  table.head({"faults", "checker", "comparison", "coverage as configured",
              fmt::format("alarms in {} {}s", clean.units, clean.unit), "silent from factor",
              "coverage there"});
  for (const FaultClass fault_class : context.plan.fault_classes())
    for (std::size_t c = 0; c < roc.curves.size(); ++c) {
      const RocPoint* configured = nullptr;
      const RocPoint* silent = nullptr;
      for (const RocPoint& point : roc.points) {
        if (point.curve != c || point.site_class != "total" || point.fault_class != fault_class)
          continue;
        if (point.factor == 1) configured = &point;
        if (point.unit_alarms == 0 && silent == nullptr) silent = &point;
      }
      if (configured == nullptr) continue;
      table.add({std::string(enum_name(fault_class)), context.checkers[roc.curves[c].checker],
                 roc.curves[c].comparison, percent(*configured), grouped(configured->unit_alarms),
                 silent == nullptr ? "-" : fmt::format("{:.3g}", silent->factor),
                 silent == nullptr ? "-" : percent(*silent)});
    }
  fmt::print(
      "coverage in % of dangerous faults (total); factor: on the configured thresholds\n\n{}",
      table.str());
  for (const std::size_t c : roc.left_out)
    fmt::print(
        "{}: no curve; not all of its alarms come from thresholds that are factors of a scale\n",
        context.checkers[c]);
}

}  // namespace

int roc_command(const CommandLine& command_line) {
  const std::filesystem::path campaign = command_line.positional.at(0);
  const std::string out = command_line.out.value_or((campaign / "roc").string());
  require_outside(out, campaign);
  if (command_line.calibration) require_outside(out, *command_line.calibration);
  const FinishedCampaign finished = reopen_campaign(campaign, out);
  const Prepared& prepared = finished.prepared;
  OutputDir directory(out, command_line.force);
  CampaignSession session(prepared);
  cut_to(session.plan(), finished.injections);
  const CampaignContext& context = session.context();
  const FaultFree golden = fault_free_of(session.golden(), context.comparisons);
  const FaultFree clean = command_line.calibration
                              ? calibrated(*command_line.calibration, prepared, context, golden)
                              : golden;
  const Roc roc = make_roc(campaign / "injections.csv", context, prepared.config.campaign,
                           ignores_nonfinite(prepared), clean);
  if (roc.rows != finished.injections)
    throw UserError(fmt::format("{}: {} rows; the {} of summary.json",
                                (campaign / "injections.csv").string(), roc.rows,
                                finished.injections));

  write_text(directory.path() / "roc.csv",
             roc_csv(roc, context, clean, prepared.config.campaign.confidence));
  nlohmann::ordered_json json = result_header(prepared);
  json["fault_free"] = {{"source", command_line.calibration ? "calibration" : "golden_run"},
                        {"unit", clean.unit},
                        {"units", clean.units}};
  json["ended_early"] = nlohmann::ordered_json::object();
  for (std::size_t c = 0; c < context.checkers.size(); ++c)
    json["ended_early"][context.checkers[c]] = roc.ended_early[c];
  json["left_out"] = nlohmann::ordered_json::array();
  for (const std::size_t c : roc.left_out) json["left_out"].push_back(context.checkers[c]);
  write_json(directory.path() / "roc.json", json);
  directory.commit();
  if (command_line.quiet) return kDone;
  print_curves(roc, context, clean);
  fmt::print("\nwritten to {}: roc.csv roc.json\n", printable(out));
  return kDone;
}

}  // namespace attnguard
