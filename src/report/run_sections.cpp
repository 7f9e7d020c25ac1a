#include "src/report/run_sections.h"

#include <fmt/format.h>

#include "src/config/shell_word.h"
#include "src/report/campaign_results.h"
#include "src/report/header.h"
#include "src/report/html.h"
#include "src/report/timeline_chart.h"
#include "src/report/units_chart.h"

namespace attnguard {
namespace {

HtmlTable key_figures(const Json& run) {
  HtmlTable table{"Key figures", {"figure", "value"}, {}};
  const auto add = [&](const char* name, const Json& value, const std::string& shown) {
    table.rows.push_back({name, HtmlCell(shown, value.dump())});
  };
  add("cycles", run.at("cycles"), run.at("cycles").dump());
  if (run.contains("macs")) add("multiply-accumulates", run["macs"], run["macs"].dump());
  add("utilization of the array", run.at("utilization"),
      fmt::format("{:.1f} %", 100 * run.at("utilization").get<double>()));
  if (run.contains("expected"))
    add("largest error ÷ largest expected value", run["expected"].at("max_error_over_max_abs"),
        fmt::format("{:.3g}", run["expected"].at("max_error_over_max_abs").get<double>()));
  if (run.contains("roofline")) {
    const Json& roofline = run["roofline"];
    table.rows.push_back({"bound by", roofline.at("bound").get<std::string>()});
    for (const char* rate : {"attainable_macs_per_cycle", "achieved_macs_per_cycle"})
      if (roofline.at(rate).is_number())
        add(rate, roofline[rate], fmt::format("{:.1f}", roofline[rate].get<double>()));
  }
  return table;
}

HtmlTable checker_table(const Json& checkers) {
  HtmlTable table{"Checkers in the fault-free run",
                  {"checker", "checks", "alarms", "largest residual ÷ threshold"},
                  {}};
  for (const auto& [name, checker] : checkers.items()) {
    const Json& ratio = checker.at("max_residual_over_threshold");
    table.rows.push_back({name, checker.at("checks").dump(), checker.at("alarms").dump(),
                          ratio.is_number()
                              ? HtmlCell(fmt::format("{:.3g}", ratio.get<double>()), ratio.dump())
                              : HtmlCell("–")});
  }
  return table;
}

HtmlTable byte_table(const Json& bytes) {
  HtmlTable table{"Bytes over every link", {"link", "bytes"}, {}};
  for (const auto& [link, count] : bytes.items())
    table.rows.push_back({link, HtmlCell(count.dump(), count.dump())});
  return table;
}

}  // namespace

std::vector<Section> run_sections(const std::filesystem::path& folder, const Json& run,
                                  const std::string& id) {
  std::string summary = header_paragraph(run) + html(key_figures(run));
  if (!run.at("checkers").empty()) summary += html(checker_table(run.at("checkers")));
  std::string units = html(units_figure(run, id));
  if (std::filesystem::exists(folder / "timeline.json"))
    for (const Figure& figure : timeline_figures(folder / "timeline.json", id))
      units += html(figure);
  std::string price;
  if (run.contains("cost")) price = html(cost_table(run["cost"]));
  const std::string config = shell_word((folder / "config.json").string());
  const std::vector<std::pair<std::string, std::string>> commands{
      {fmt::format("attnguard run {} --out {}", config, shell_word(folder.string() + "-again")),
       "the same output, bit for bit"},
      {fmt::format("attnguard campaign {}", config), "faults in it"},
      {fmt::format("attnguard report {}", shell_word(folder.string())), "this page"}};
  return {{id + "summary", "The run", summary},
          {id + "time", "Time", units},
          {id + "price", "Energy, area, traffic", price + html(byte_table(run.at("bytes")))},
          {id + "again", "Do it again",
           reproduction(run, read_json(folder / "config.json"), commands)}};
}

}  // namespace attnguard
