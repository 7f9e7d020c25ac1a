#include "src/sweep/sweep_plan.h"

#include <fmt/format.h>

#include <utility>

#include "src/campaign/identity.h"
#include "src/config/user_error.h"
#include "src/sweep/point_store.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

// Of a run and of a campaign's set-up: roughly its cycles.
double size_of(const Prepared& prepared) {
  const ArrayConfig& array = prepared.config.accelerator.array;
  return multiply_adds(prepared.job) / (static_cast<double>(array.rows) * array.cols);
}

// A message that begins with a value of the grid names the point already.
std::string named(const SweepPoint& point, const std::string& message) {
  for (const Setting& setting : point)
    if (message.rfind(setting.origin, 0) == 0) return message;
  return fmt::format("point {}: {}", point_text(point), message);
}

}  // namespace

SweepPlan::SweepPlan(Prepared base_, const std::optional<std::uint64_t>& audit)
    : base(std::move(base_)),
      points(expand_grid(base.config.sweep, base.origin)),
      audited(audited_point(base.config.sweep, points, base.origin)) {
  if (audit && !campaigns())
    throw UserError("--audit: no campaign to audit; only with sweep.mode campaign");
}

void SweepPlan::add(const Prepared& point) {
  planned.push_back(
      {point.config_sha256, campaigns() ? point.config.campaign.injections : 0, size_of(point)});
}

Json SweepPlan::identity() const {
  Json identity = campaign_identity(base);
  for (const PlannedPoint& point : planned) identity["points"].push_back(point.config_sha256);
  return identity;
}

SweepPlan plan_sweep(const CommandLine& command_line) {
  SweepPlan plan(prepare(command_line), command_line.audit);
  plan.prepare_point = [command_line, points = plan.points](std::size_t point) {
    CommandLine of_point = command_line;
    of_point.out = point_folder(output_directory(command_line), point).string();
    return prepare(of_point, points[point]);
  };
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    try {
      plan.add(plan.prepare_point(i));
    } catch (const UserError& error) {
      throw UserError(named(plan.points[i], error.what()));
    }
  }
  return plan;
}

}  // namespace attnguard
