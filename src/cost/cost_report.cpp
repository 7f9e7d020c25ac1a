#include "src/cost/cost_report.h"

#include <fmt/format.h>

#include "src/config/or_null.h"
#include "src/files/csv.h"
#include "src/files/output_file.h"
#include "src/simulation/combinations.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

std::optional<double> share(const std::optional<Cost>& cost, double Cost::*figure,
                            const Cost& whole) {
  if (!cost || whole.*figure == 0) return std::nullopt;
  return 100 * (*cost).*figure / whole.*figure;
}

CheckerCost sum_of(std::string name, const std::vector<std::optional<Cost>>& costs,
                   const std::vector<std::size_t>& members) {
  CheckerCost sum{std::move(name), Cost{}};
  for (const std::size_t member : members) {
    if (!costs[member]) return {sum.name, std::nullopt};
    *sum.cost += *costs[member];
  }
  return sum;
}

Json figures(const Cost& cost) {
  return {
      {"energy_pj", cost.energy_pj}, {"area_um2", cost.area_um2}, {"leakage_pj", cost.leakage_pj}};
}

Json checker_json(const CostReport& report, const CheckerCost& checker) {
  Json json = {{"energy_pj", nullptr}, {"area_um2", nullptr}, {"leakage_pj", nullptr}};
  if (checker.cost) json = figures(*checker.cost);
  json["energy_overhead_pct"] = or_null(report.energy_pct(checker.cost));
  json["area_overhead_pct"] = or_null(report.area_pct(checker.cost));
  return json;
}

}  // namespace

std::optional<double> CostReport::energy_pct(const std::optional<Cost>& cost) const {
  return share(cost, &Cost::energy_pj, accelerator);
}
std::optional<double> CostReport::area_pct(const std::optional<Cost>& cost) const {
  return share(cost, &Cost::area_um2, accelerator);
}

CostReport report_cost(const RunResult& result, const std::vector<CheckerConfig>& checkers,
                       double clock_mhz, const Technology& technology) {
  const double microseconds = static_cast<double>(result.cycles) / clock_mhz;
  CostReport report;
  report.technology = technology.name;
  for (const auto& [unit, activity] : result.activity) {
    report.units.push_back(price(unit, activity, technology, microseconds));
    if (unit != kExternalMemory) report.accelerator += report.units.back().total;
  }

  const Members members = members_of(checkers);
  std::vector<std::optional<Cost>> costs(checkers.size());
  std::vector<std::size_t> own;
  for (std::size_t c = 0; c < checkers.size(); ++c) {
    if (is_combination(checkers[c])) continue;
    own.push_back(c);
    if (!result.checkers[c].activity) continue;
    report.checkers.push_back(price("checksum." + checkers[c].name, *result.checkers[c].activity,
                                    technology, microseconds));
    costs[c] = report.checkers.back().total;
  }
  for (std::size_t c = 0; c < checkers.size(); ++c)
    report.by_checker.push_back(is_combination(checkers[c])
                                    ? sum_of(checkers[c].name, costs, members[c])
                                    : CheckerCost{checkers[c].name, costs[c]});
  report.all_checkers = sum_of("all", costs, own);
  return report;
}

Json cost_json(const CostReport& report) {
  Json json;
  json["technology"] = report.technology;
  json["units"] = Json::object();
  for (const Bill& bill : report.units) json["units"][bill.unit] = figures(bill.total);
  json["accelerator"] = figures(report.accelerator);
  json["checkers"] = Json::object();
  for (const CheckerCost& checker : report.by_checker)
    json["checkers"][checker.name] = checker_json(report, checker);
  json["all_checkers"] = checker_json(report, report.all_checkers);
  return json;
}

void write_cost_csv(const std::filesystem::path& file, const CostReport& report) {
  CsvLine head;
  for (const char* column :
       {"unit", "component", "events", "energy_pj", "units", "area_um2", "leakage_pj"})
    head.add(column);
  OutputFile table(file);
  table << head.str();
  for (const std::vector<Bill>* bills : {&report.units, &report.checkers})
    for (const Bill& bill : *bills)
      for (const CostItem& item : bill.items) {
        CsvLine line;
        line.add(bill.unit).add(item.component).add(item.events).add(item.cost.energy_pj);
        line.add(item.units).add(item.cost.area_um2).add(item.cost.leakage_pj);
        table << line.str();
      }
  table.finish();
}

Json cost_columns(const CostReport& report) {
  Json row;
  for (const Bill& bill : report.units)
    row[fmt::format("energy_{}_pj", bill.unit)] = bill.total.energy_pj;
  row["energy_accelerator_pj"] = report.accelerator.energy_pj;
  for (const CheckerCost& checker : report.by_checker)
    row[fmt::format("energy_checksum.{}_pj", checker.name)] =
        checker.cost ? Json(checker.cost->energy_pj) : Json();
  for (const Bill& bill : report.units)
    if (bill.total.area_um2 != 0) row[fmt::format("area_{}_um2", bill.unit)] = bill.total.area_um2;
  row["area_accelerator_um2"] = report.accelerator.area_um2;
  for (const CheckerCost& checker : report.by_checker)
    row[fmt::format("area_checksum.{}_um2", checker.name)] =
        checker.cost ? Json(checker.cost->area_um2) : Json();
  row["leakage_accelerator_pj"] = report.accelerator.leakage_pj;
  row["checker_area_overhead_pct"] = or_null(report.area_pct(report.all_checkers.cost));
  row["checker_energy_overhead_pct"] = or_null(report.energy_pct(report.all_checkers.cost));
  for (const CheckerCost& checker : report.by_checker) {
    row[checker.name + ".area_overhead_pct"] = or_null(report.area_pct(checker.cost));
    row[checker.name + ".energy_overhead_pct"] = or_null(report.energy_pct(checker.cost));
  }
  return row;
}

}  // namespace attnguard
