#include "src/report/comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/report/coverage_chart.h"
#include "src/report/pareto_chart.h"

namespace attnguard {
namespace {

HtmlCell scaled(const Json& of, const char* pointer, double factor, const char* format) {
  const Json value = of.is_object() ? of.value(Json::json_pointer(pointer), Json()) : Json();
  if (!value.is_number()) return "–";
  return {fmt::format(fmt::runtime(format), factor * value.get<double>()), value.dump()};
}

HtmlTable result_table(const std::vector<Result>& results) {
  HtmlTable table{
      "Results",
      {"result", "of", "array", "workload", "cycles", "utilisation, %", "energy, µJ", "area, mm²"},
      {}};
  for (const Result& result : results) {
    const Json& run = result.run;
    std::string array = "–", workload = "–";
    if (run.is_object()) {
      array = fmt::format("{} × {}", run.at("array").at("rows").dump(),
                          run.at("array").at("cols").dump());
      workload.clear();
      for (const auto& [key, value] : run.at("workload").items())
        if (value.is_number())
          workload += fmt::format("{}{} {}", workload.empty() ? "" : ", ", key, value.dump());
    }
    table.rows.push_back({result.name, kind_name(result.kind), array, workload,
                          scaled(run, "/cycles", 1, "{:.0f}"),
                          scaled(run, "/utilization", 100, "{:.1f}"),
                          scaled(run, "/cost/accelerator/energy_pj", 1e-6, "{:.4g}"),
                          scaled(run, "/cost/accelerator/area_um2", 1e-6, "{:.4g}")});
  }
  return table;
}

/// Checkers down, campaigns across.
Figure coverage_figure(const std::vector<const Result*>& campaigns,
                       const std::string& fault_class) {
  std::vector<std::string> checkers;
  for (const Result* result : campaigns)
    for (const std::string& checker : result->campaign->checkers()) add_once(checkers, checker);
  Figure figure;
  figure.id = "compared-" + html_id(fault_class) + "-coverage";
  figure.title = fmt::format("Coverage, {} faults", fault_class);
  figure.caption =
      "Total of the datapath in each campaign, at its own tolerance, with its interval.";
  figure.table = {figure.title + ", in percent", {"checker"}, {}};
  for (const Result* result : campaigns) figure.table.head.push_back(result->name);
  std::vector<CoveragePoint> points;
  for (const std::string& checker : checkers) {
    std::vector<HtmlCell>& line = figure.table.rows.emplace_back();
    line.emplace_back(checker);
    for (const Result* result : campaigns) {
      const Records& coverage = result->campaign->coverage();
      const auto row = result->campaign->total_row(fault_class, checker);
      line.push_back(row ? coverage_cell(coverage, *row) : HtmlCell("–"));
      if (row) points.push_back(coverage_point(coverage, *row, checker, result->name));
    }
  }
  figure.label = fmt::format("{}: {} checkers in {} campaigns. {}", figure.title, checkers.size(),
                             campaigns.size(), figure.caption);
  figure.spec = coverage_spec(points, "campaign");
  return figure;
}

Figure price_figure(const std::vector<const Result*>& campaigns, const std::string& fault_class) {
  std::vector<Offer> offers;
  for (const Result* result : campaigns)
    for (const std::string& checker : result->campaign->checkers()) {
      const Records& coverage = result->campaign->coverage();
      const auto row = result->campaign->total_row(fault_class, checker);
      const Json cost = result->run.is_object()
                            ? result->run.at("cost").at("checkers").value(checker, Json::object())
                            : Json::object();
      if (row)
        offers.push_back({checker, result->name, coverage.json(*row, "coverage"),
                          coverage.json(*row, "ci_low"), coverage.json(*row, "ci_high"),
                          cost.value("area_overhead_pct", Json()),
                          cost.value("energy_overhead_pct", Json())});
    }
  return pareto_figure(offers, "compared-" + html_id(fault_class) + "-");
}

}  // namespace

Section comparison_section(const std::vector<Result>& results) {
  Section section{"comparison", "Comparison", html(result_table(results))};
  std::vector<const Result*> campaigns;
  std::vector<std::string> fault_classes;
  for (const Result& result : results) {
    if (!result.campaign) continue;
    campaigns.push_back(&result);
    for (const std::string& fault_class : result.campaign->fault_classes())
      add_once(fault_classes, fault_class);
  }
  if (campaigns.size() < 2) return section;
  for (const std::string& fault_class : fault_classes) {
    section.content += html(coverage_figure(campaigns, fault_class));
    const Figure price = price_figure(campaigns, fault_class);
    if (!price.table.rows.empty()) section.content += html(price);
  }
  return section;
}

}  // namespace attnguard
