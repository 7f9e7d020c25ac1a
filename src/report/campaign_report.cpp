#include "src/report/campaign_report.h"

#include <fmt/format.h>

#include "src/report/coverage_chart.h"
#include "src/report/header.h"

namespace attnguard {
namespace {

std::string cycles(const Json& value) {
  return value.is_number() ? fmt::format("{}", value.get<std::uint64_t>()) : "–";
}

/// Every checker in one line: what it catches, how soon, how often it cries wolf.
HtmlTable checker_table(const CampaignResults& campaign) {
  HtmlTable table{"Checkers at a glance (total of the datapath, in percent of dangerous faults)",
                  {"checker", "fault class", "coverage", "detected", "undetected",
                   "latency p50, cycles", "p95", "p99", "max"},
                  {}};
  const Records& coverage = campaign.coverage();
  for (const std::string& fault_class : campaign.fault_classes())
    for (const std::string& checker : campaign.checkers()) {
      const auto row = campaign.total_row(fault_class, checker);
      if (!row) continue;
      std::vector<Cell> line{checker, fault_class, coverage_cell(coverage, *row)};
      for (const char* column : {"detected", "undetected", "latency_p50_cycles",
                                 "latency_p95_cycles", "latency_p99_cycles", "latency_max_cycles"})
        line.emplace_back(coverage.text(*row, column));
      table.rows.push_back(std::move(line));
    }
  return table;
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
                              ? Cell(fmt::format("{:.2g}", bound.get<double>()), bound.dump())
                              : Cell("–")});
  }
  return table;
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

std::vector<Section> campaign_sections(const CampaignResults& campaign, const std::string& id) {
  std::vector<Section> sections;
  sections.push_back({id + "summary", "Checkers at a glance",
                      header_paragraph(campaign.summary()) + html(checker_table(campaign)) +
                          html(effect_table(campaign.summary())) +
                          html(false_alarm_table(campaign.summary()))});
  for (const std::string& fault_class : campaign.fault_classes()) {
    const std::string prefix = id + html_id(fault_class) + "-";
    sections.push_back({prefix + "coverage", fmt::format("Coverage, {} faults", fault_class),
                        html(total_coverage(campaign, fault_class, prefix)) +
                            html(site_coverage(campaign, fault_class, prefix))});
  }
  sections.push_back({id + "again", "Do it again",
                      reproduction(campaign.summary(), campaign.config(), commands_of(campaign))});
  return sections;
}

}  // namespace attnguard
