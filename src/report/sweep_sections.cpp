#include "src/report/sweep_sections.h"

#include <fmt/format.h>

#include "src/config/shell_word.h"
#include "src/report/campaign_results.h"
#include "src/report/header.h"
#include "src/report/pareto_chart.h"
#include "src/report/sweep_chart.h"

namespace attnguard {
namespace {

/// Those that have the column, by the part of its name before the first dot.
std::vector<std::string> checkers_with(const Records& rows, const std::string& column) {
  std::vector<std::string> checkers;
  for (const std::string& name : rows.header()) {
    const std::size_t dot = name.find('.');
    if (dot != std::string::npos && name.substr(dot + 1) == column)
      checkers.push_back(name.substr(0, dot));
  }
  return checkers;
}

std::vector<Measure> measures() {
  return {
      {"cycles", "Cycles", "cycles", "Start of the job to the last store.", "cycles"},
      {"utilization", "Utilisation of the array", "%",
       "Multiply-accumulates executed over those the array could have made.", "utilization", 100},
      {"energy", "Energy of the accelerator", "µJ", "Without checkers and external memory.",
       "energy_accelerator_pj", 1e-6},
      {"area", "Area of the accelerator", "mm²", "Without checkers.", "area_accelerator_um2", 1e-6},
      {"area-overhead", "Area of all checkers", "% of the accelerator", "All checkers together.",
       "checker_area_overhead_pct"},
      {"energy-overhead", "Energy of all checkers", "% of the accelerator",
       "All checkers together.", "checker_energy_overhead_pct"}};
}

std::vector<Offer> offers_of(const Records& rows, const SweepLayout& layout,
                             const std::vector<std::string>& checkers) {
  std::vector<Offer> offers;
  for (const std::string& checker : checkers)
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto figure = [&](const char* name) {
        const std::string column = fmt::format("{}.{}", checker, name);
        return rows.has(column) ? rows.json(i, column) : Json();
      };
      offers.push_back({checker,
                        fmt::format("{} {}{}{}", layout.x_title, layout.x[i],
                                    layout.line[i].empty() ? "" : ", ", layout.line[i]),
                        figure("coverage"), figure("ci_low"), figure("ci_high"),
                        figure("area_overhead_pct"), figure("energy_overhead_pct")});
    }
  return offers;
}

/// Every swept key with the main figures.
HtmlTable point_table(const Records& rows, const SweepLayout& layout) {
  HtmlTable table{fmt::format("The {} points", rows.size()), layout.keys, {}};
  std::vector<std::string> columns = layout.keys;
  for (const Measure& measure : measures())
    if (rows.has(measure.column)) {
      columns.push_back(measure.column);
      table.head.push_back(measure.column);
    }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<HtmlCell>& line = table.rows.emplace_back();
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const std::string& text = rows.text(i, columns[c]);
      if (c < layout.keys.size() || text.empty())
        line.emplace_back(text);
      else
        line.emplace_back(fmt::format("{:.6g}", *rows.number(i, columns[c])), text);
    }
  }
  return table;
}

std::string grid_of(const std::string& figures) {
  return "<div class=\"pair\">\n" + figures + "</div>\n";
}

std::vector<std::pair<std::string, std::string>> commands_of(const std::filesystem::path& folder) {
  const std::string config = shell_word((folder / "config.json").string());
  std::vector<std::pair<std::string, std::string>> commands{
      {fmt::format("attnguard sweep {} --out {}", config, shell_word(folder.string() + "-again")),
       "the same sweep.csv, byte for byte"},
      {fmt::format("attnguard report {}", shell_word(folder.string())), "this page"}};
  if (std::filesystem::exists(folder / "points"))
    commands.push_back(
        {fmt::format("attnguard report {}", shell_word((folder / "points" / "000").string())),
         "the campaign of one point, the first row"});
  return commands;
}

}  // namespace

std::vector<Section> sweep_sections(const std::filesystem::path& folder, const std::string& id) {
  const Json header = read_json(folder / "sweep.json");
  const Records rows(folder / "sweep.csv");
  const SweepLayout layout(rows);
  std::string figures;
  for (const Measure& measure : measures())
    if (rows.has(measure.column)) {
      const Figure figure = sweep_figure(rows, layout, measure, id);
      if (!figure.table.rows.empty()) figures += html(figure);
    }
  std::vector<Section> sections{
      {id + "summary", "The sweep", header_paragraph(header) + html(point_table(rows, layout))},
      {id + "measures", "Time, energy, area", grid_of(figures)}};
  const std::vector<std::string> checkers = checkers_with(rows, "coverage");
  if (!checkers.empty()) {
    std::string coverage = html(sweep_coverage(rows, layout, checkers, id));
    std::string latencies;
    for (const std::string& checker : checkers) {
      if (!rows.has(checker + ".latency_p50_cycles")) continue;
      const Figure figure =
          sweep_figure(rows, layout,
                       {html_id(checker) + "-latency", "Latency p50, " + checker, "cycles",
                        "By when half of all dangerous faults were detected; no mark where "
                        "coverage is below one half.",
                        checker + ".latency_p50_cycles"},
                       id);
      if (!figure.table.rows.empty()) latencies += html(figure);
    }
    sections.push_back({id + "detection", "Coverage and latency", coverage + grid_of(latencies)});
    const Figure pareto = pareto_figure(offers_of(rows, layout, checkers), id);
    if (!pareto.table.rows.empty()) sections.push_back({id + "price", "Price", html(pareto)});
  }
  sections.push_back(
      {id + "again", "Do it again",
       reproduction(header, read_json(folder / "config.json"), commands_of(folder))});
  return sections;
}

}  // namespace attnguard
