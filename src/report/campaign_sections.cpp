#include "src/report/campaign_sections.h"

#include <fmt/format.h>

#include "src/config/shell_word.h"
#include "src/report/coverage_chart.h"
#include "src/report/header.h"
#include "src/report/heat_map.h"
#include "src/report/injection_tally.h"
#include "src/report/latency_chart.h"
#include "src/report/pareto_chart.h"
#include "src/report/roc_chart.h"
#include "src/report/units_chart.h"

namespace attnguard {
namespace {

std::string cycles(const Json& value) {
  return value.is_number() ? fmt::format("{}", value.get<std::uint64_t>()) : "–";
}

/// A figure of a checker's cost, as cost.checkers of run.json has it; null if it is unknown.
Json cost_of(const GoldenRun& golden, const std::string& checker, const char* figure) {
  if (!golden.problem.empty()) return {};
  const Json& checkers = golden.run.at("cost").at("checkers");
  return checkers.contains(checker) ? checkers.at(checker).at(figure) : Json();
}

HtmlCell percent_cell(const Json& value) {
  return value.is_number() ? HtmlCell(fmt::format("{:.2f}", value.get<double>()), value.dump())
                           : HtmlCell("–");
}

/// Every checker in one line: what it catches, how soon, at what cost.
HtmlTable checker_table(const CampaignResults& campaign, const GoldenRun& golden) {
  HtmlTable table{
      "Total of the datapath; coverage in percent of dangerous faults, cost in percent of the "
      "accelerator",
      {"checker", "faults", "coverage", "detected", "undetected", "latency p50, cycles", "p95",
       "p99", "max", "area", "energy"},
      {}};
  const Records& coverage = campaign.coverage();
  for (const std::string& fault_class : campaign.fault_classes())
    for (const std::string& checker : campaign.checkers()) {
      const auto row = campaign.total_row(fault_class, checker);
      if (!row) continue;
      std::vector<HtmlCell> line{checker, fault_class, coverage_cell(coverage, *row)};
      for (const char* column :
           {"detected", "undetected", "latency_p50_cycles", "latency_p95_cycles",
            "latency_p99_cycles", "latency_max_cycles"}) {
        const std::string& text = coverage.text(*row, column);
        line.push_back(text.empty() ? HtmlCell("–") : HtmlCell(text, text));
      }
      line.push_back(percent_cell(cost_of(golden, checker, "area_overhead_pct")));
      line.push_back(percent_cell(cost_of(golden, checker, "energy_overhead_pct")));
      table.rows.push_back(std::move(line));
    }
  return table;
}

std::vector<Offer> offers_of(const CampaignResults& campaign, const GoldenRun& golden,
                             const std::string& fault_class) {
  std::vector<Offer> offers;
  for (const std::string& checker : campaign.checkers()) {
    const auto row = campaign.total_row(fault_class, checker);
    if (!row) continue;
    const Records& coverage = campaign.coverage();
    offers.push_back({checker, "", coverage.json(*row, "coverage"), coverage.json(*row, "ci_low"),
                      coverage.json(*row, "ci_high"), cost_of(golden, checker, "area_overhead_pct"),
                      cost_of(golden, checker, "energy_overhead_pct")});
  }
  return offers;
}

HtmlTable effect_table(const Json& summary) {
  HtmlTable table{"Effects of the injected faults", {"effect", "injections", "share, %"}, {}};
  const double all = summary.at("injections").get<double>();
  for (const auto& [effect, count] : summary.at("effects").items())
    table.rows.push_back({effect, cycles(count),
                          fmt::format("{:.1f}", all > 0 ? 100 * count.get<double>() / all : 0)});
  return table;
}

HtmlTable false_alarm_table(const Json& summary) {
  HtmlTable table{"Fault-free run: alarms per check, and the upper bound of their rate",
                  {"checker", "checks", "alarms", "rate at most"},
                  {}};
  for (const auto& [checker, clean] : summary.at("fault_free").items()) {
    const Json bound = clean.value("alarm_rate_ci_high", Json());
    table.rows.push_back({checker, cycles(clean.at("checks")), cycles(clean.at("alarms")),
                          bound.is_number()
                              ? HtmlCell(fmt::format("{:.2g}", bound.get<double>()), bound.dump())
                              : HtmlCell("–")});
  }
  return table;
}

/// A campaign can be without faults of the kind a figure shows.
std::string if_any(const Figure& figure) {
  if (!figure.table.rows.empty()) return html(figure);
  return html_paragraph(figure.title + ": the campaign holds nothing to show here.");
}

std::vector<std::pair<std::string, std::string>> commands_of(const CampaignResults& campaign) {
  const std::string folder = shell_word(campaign.folder().string());
  const std::string config = shell_word((campaign.folder() / "config.json").string());
  const std::string again = shell_word(campaign.folder().string() + "-again");
  return {{fmt::format("attnguard campaign {} --out {}", config, again),
           "the same injections.csv, byte for byte"},
          {fmt::format("attnguard replay {} N", folder),
           "row N of it once more, with what changed where"},
          {fmt::format("attnguard roc {}", folder), "every threshold, from the same rows"},
          {fmt::format("attnguard report {}", folder), "this page"}};
}

}  // namespace

std::vector<Section> campaign_sections(const CampaignResults& campaign, const GoldenRun& golden,
                                       const std::string& id) {
  std::vector<Section> sections;
  std::string summary = header_paragraph(campaign.summary());
  if (!golden.problem.empty())
    summary += fmt::format(
        "<p class=\"warning\">The fault-free run could not be made again, so cost, units and "
        "thresholds are missing here: {}</p>\n",
        escape_html(golden.problem));
  summary += html(checker_table(campaign, golden)) + "<div class=\"pair\">\n" +
             html(effect_table(campaign.summary())) + html(false_alarm_table(campaign.summary())) +
             "</div>\n";
  sections.push_back({id + "summary", "Checkers at a glance", std::move(summary)});
  std::map<std::string, PlaceTallies> places =
      tally_injections(campaign.folder() / "injections.csv", campaign.checkers());
  for (const std::string& fault_class : campaign.fault_classes()) {
    const std::string prefix = id + html_id(fault_class) + "-";
    const auto title = [&](const char* text) {
      return fmt::format("{}, {} faults", text, fault_class);
    };
    sections.push_back({prefix + "coverage", title("Coverage"),
                        html(total_coverage(campaign, fault_class, prefix)) +
                            html(site_coverage(campaign, fault_class, prefix))});
    sections.push_back({prefix + "places", title("Places"),
                        if_any(array_map(places[fault_class], campaign.checkers(), prefix)) +
                            if_any(bit_map(places[fault_class], campaign.checkers(), prefix))});
    sections.push_back({prefix + "times", title("Latency"),
                        if_any(latency_figure(campaign, fault_class, prefix))});
    if (!golden.problem.empty()) continue;
    sections.push_back({prefix + "thresholds", title("Thresholds"),
                        if_any(roc_figure(campaign, golden, fault_class, prefix))});
    sections.push_back({prefix + "price", title("Price"),
                        if_any(pareto_figure(offers_of(campaign, golden, fault_class), prefix))});
  }
  if (golden.problem.empty())
    sections.push_back(
        {id + "run", "The fault-free run",
         html(units_figure(golden.run, id)) + html(cost_table(golden.run.at("cost")))});
  sections.push_back({id + "again", "Do it again",
                      reproduction(campaign.summary(), campaign.config(), commands_of(campaign))});
  return sections;
}

}  // namespace attnguard
