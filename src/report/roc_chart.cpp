#include "src/report/roc_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace attnguard {
namespace {

constexpr const char* kSpec = R"json({
  "height": 320,
  "data": [
    {"name": "shown", "source": "roc", "transform": [{"type": "filter", "expr": "datum.faults === faults"}]},
    {"name": "configured", "source": "shown", "transform": [{"type": "filter", "expr": "datum.factor === 1"}]},
    {"name": "configured_interval", "source": "configured", "transform": [{"type": "filter", "expr": "isValid(datum.ci_low)"}]}
  ],
  "scales": [
    {"name": "x", "type": "symlog", "constant": {"signal": "smallest"}, "domain": [0, 1], "range": "width"},
    {"name": "y", "type": "linear", "domain": [0, 1], "range": "height"}
  ],
  "axes": [
    {"scale": "y", "orient": "left", "format": "%", "grid": true, "domain": false, "ticks": false, "tickCount": 5, "title": "coverage"},
    {"scale": "x", "orient": "bottom", "labelOverlap": true, "labelFlush": true, "values": [0, 0.00001, 0.0001, 0.001, 0.01, 0.1, 1],
     "title": "false alarms per fault-free check", "encode": {"labels": {"update": {"text": {"signal": "format(100 * datum.value, '~g') + ' %'"}}}}}
  ],
  "marks": [
    {"type": "group", "from": {"facet": {"name": "curve", "data": "shown", "groupby": "checker"}}, "marks": [
      {"type": "line", "name": "roc_line", "from": {"data": "curve"}, "encode": {"update": {
        "x": {"scale": "x", "field": "rate"}, "y": {"scale": "y", "field": "coverage"},
        "stroke": {"scale": "color", "field": "checker"}, "strokeWidth": {"value": 2}}}}]},
    {"type": "rule", "name": "configured_line", "from": {"data": "configured_interval"}, "encode": {"update": {
      "x": {"scale": "x", "field": "rate"}, "y": {"scale": "y", "field": "ci_low"}, "y2": {"scale": "y", "field": "ci_high"},
      "stroke": {"scale": "color", "field": "checker"}, "strokeWidth": {"value": 2}, "strokeOpacity": {"value": 0.4}}}},
    {"type": "symbol", "name": "configured_point", "from": {"data": "configured"}, "encode": {"update": {
      "x": {"scale": "x", "field": "rate"}, "y": {"scale": "y", "field": "coverage"},
      "shape": {"scale": "shape", "field": "checker"}, "fill": {"scale": "color", "field": "checker"}, "size": {"value": 90},
      "tooltip": {"signal": "datum.checker + ', as configured: coverage ' + format(datum.coverage, '.1%') + ', ' + datum.alarms + ' alarms in ' + datum.checks + ' fault-free checks'"}}}}
  ]
})json";

/// Half a pixel of either axis does not show. Ends, the configured point and the last without false
/// alarms stay.
std::vector<const Json*> thinned(const std::vector<const Json*>& points) {
  constexpr double kCoverageStep = 0.002, kRateStep = 0.01;  // the latter relative
  std::vector<const Json*> kept;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto coverage = [&](const Json& point) { return point["coverage"].get<double>(); };
    const auto alarms = [&](const Json& point) { return point["alarms"].get<double>(); };
    const Json& point = *points[i];
    const bool corner = kept.empty() || i + 1 == points.size() || point["factor"] == 1 ||
                        (alarms(point) == 0) != (alarms(*points[i - 1]) == 0);
    if (corner || std::fabs(coverage(point) - coverage(*kept.back())) >= kCoverageStep ||
        std::fabs(alarms(point) - alarms(*kept.back())) >= kRateStep * alarms(*kept.back()) + 1e-9)
      if (corner || alarms(point) > 0 || coverage(point) != coverage(*kept.back()))
        kept.push_back(&point);
  }
  return kept;
}

double rate_of(const Json& point) {
  return point["alarms"].get<double>() / std::max(1.0, point["checks"].get<double>());
}

}  // namespace

Figure roc_figure(const CampaignResults& campaign, const GoldenRun& golden,
                  const std::string& fault_class, const std::string& id) {
  Figure figure;
  figure.id = id + "roc";
  figure.title = "What another threshold would do";
  figure.table = {
      "Coverage and false alarms as configured, and with the lowest thresholds that are silent on "
      "fault-free data",
      {"checker", "faults in", "thresholds times", "coverage, %", "false alarms",
       "fault-free checks"},
      {}};
  std::vector<std::string> checkers, totals;
  Json values = Json::array();
  double most_checks = 1;
  for (const char* const total : {"total", "total_logic", "total_sram"})
    for (const std::string& checker : campaign.checkers()) {
      std::vector<const Json*> points;
      for (const Json& point : golden.roc)
        if (point["fault_class"] == fault_class && point["site_class"] == total &&
            point["checker"] == checker && point["coverage"].is_number())
          points.push_back(&point);
      if (points.empty()) continue;
      add_once(totals, total);
      add_once(checkers, checker);
      most_checks = std::max(most_checks, points.front()->at("checks").get<double>());
      for (const Json* point : thinned(points)) {
        Json value = *point;
        value["faults"] = total;
        value["rate"] = rate_of(*point);
        value.erase("site_class");
        value.erase("fault_class");
        values.push_back(std::move(value));
      }
      const auto silent = std::find_if(points.begin(), points.end(),
                                       [](const Json* point) { return (*point)["alarms"] == 0; });
      for (const Json* point : points) {
        if ((*point)["factor"] != 1 && (silent == points.end() || point != *silent)) continue;
        const double coverage = (*point)["coverage"];
        figure.table.rows.push_back(
            {checker, total, fmt::format("{:.3g}", (*point)["factor"].get<double>()),
             HtmlCell(fmt::format("{:.1f}", 100 * coverage), fmt::format("{}", coverage)),
             (*point)["alarms"].dump(), (*point)["checks"].dump()});
      }
    }
  figure.caption = fmt::format(
      "Each line is one checker with all its thresholds moved by a common factor; the mark is the "
      "campaign as configured. False alarms are "
      "those of {}: a rate below one in its number of checks shows as 0. Checkers whose thresholds "
      "are no factor of a scale have no line.",
      golden.fault_free);
  figure.label = fmt::format("Coverage against false alarms, {} checkers. {}", checkers.size(),
                             figure.caption);
  if (values.empty()) return figure;
  figure.spec = chart(kSpec);
  add_value(figure.spec, "smallest", 1 / most_checks);
  add_choice(figure.spec, "faults", "faults in", totals);
  add_data(figure.spec, "roc", std::move(values));
  tell_apart(figure.spec, campaign.checkers(), "checker");
  return figure;
}

}  // namespace attnguard
