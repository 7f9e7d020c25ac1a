#include "src/sweep/sweep_files.h"

#include <vector>

#include "src/sweep/sweep_csv.h"

namespace attnguard {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void write_sweep(const fs::path& folder, const SweepPlan& plan, const PointResults& results,
                 const SweepTiming& timing) {
  std::vector<Json> rows;
  Json points = Json::array();
  for (const auto& [i, result] : results) {
    rows.push_back(result.at("row"));
    Json point = {{"settings", Json::object()}, {"config_sha256", plan.planned[i].config_sha256}};
    for (const Setting& setting : plan.points[i]) point["settings"][setting.key] = setting.value;
    if (plan.campaigns()) {
      point["folder"] = point_folder("", i).string();
      point["injections"] = result.at("injections");
      point["audit"] = result.at("audit");
    }
    points.push_back(std::move(point));
  }
  write_text(folder / "sweep.csv", sweep_csv(plan.points, rows));
  Json summary = result_header(plan.base);
  summary["points"] = std::move(points);
  write_json(folder / "sweep.json", summary);
  write_sweep_shard(folder, plan, results, timing);
}

void write_sweep_shard(const fs::path& folder, const SweepPlan& plan, const PointResults& results,
                       const SweepTiming& timing) {
  Json walls = Json::array();
  for (const auto& [point, result] : results) walls.push_back(result.at("wall_s"));
  write_json(folder / "timing.json",
             {{"wall_s", timing.wall_s}, {"workers", timing.workers}, {"points_wall_s", walls}});
  write_json(folder / "config.json", plan.base.effective);
}

}  // namespace attnguard
