#include "src/report/latency_chart.h"

#include <fmt/format.h>

#include <algorithm>

namespace attnguard {
namespace {

constexpr const char* kSpec = R"json({
  "height": 300,
  "data": [
    {"name": "shown", "source": "latency", "transform": [{"type": "filter", "expr": "datum.faults === faults"}]}
  ],
  "scales": [
    {"name": "x", "type": "symlog", "constant": 1, "domain": [0, {"signal": "last"}], "range": "width"},
    {"name": "y", "type": "linear", "domain": [0, 1], "range": "height"}
  ],
  "axes": [
    {"scale": "y", "orient": "left", "format": "%", "grid": true, "domain": false, "ticks": false, "tickCount": 5,
     "title": "detected by then"},
    {"scale": "x", "orient": "bottom", "labelOverlap": true, "encode": {"labels": {"update": {"text": {"signal": "format(datum.value, '~s')"}}}}, "values": [0, 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000],
     "title": "cycles from the fault to the alarm", "labelFlush": true}
  ],
  "marks": [
    {"type": "group", "from": {"facet": {"name": "curve", "data": "shown", "groupby": "checker"}}, "marks": [
      {"type": "area", "name": "band", "from": {"data": "curve"}, "encode": {"update": {
        "interpolate": {"value": "step-after"}, "x": {"scale": "x", "field": "cycles"},
        "y": {"scale": "y", "field": "ci_low"}, "y2": {"scale": "y", "field": "ci_high"},
        "defined": {"signal": "isValid(datum.ci_low)"},
        "fill": {"scale": "color", "field": "checker"}, "fillOpacity": {"value": 0.1}}}},
      {"type": "line", "name": "incidence_line", "from": {"data": "curve"}, "encode": {"update": {
        "interpolate": {"value": "step-after"}, "x": {"scale": "x", "field": "cycles"},
        "y": {"scale": "y", "field": "incidence"},
        "stroke": {"scale": "color", "field": "checker"}, "strokeWidth": {"value": 2}}}},
      {"type": "symbol", "name": "incidence_point", "from": {"data": "curve"}, "encode": {"update": {
        "x": {"scale": "x", "field": "cycles"}, "y": {"scale": "y", "field": "incidence"},
        "shape": {"scale": "shape", "field": "checker"}, "fill": {"scale": "color", "field": "checker"},
        "size": {"value": 26},
        "tooltip": {"signal": "datum.checker + ': ' + format(datum.incidence, '.1%') + ' within ' + datum.cycles + ' cycles'"}}}}
    ]}
  ]
})json";

void put_first(std::vector<std::string>& list, const std::string& value) {
  const auto found = std::find(list.begin(), list.end(), value);
  if (found != list.end()) std::rotate(list.begin(), found, found + 1);
}

}  // namespace

Figure latency_figure(const CampaignResults& campaign, const std::string& fault_class,
                      const std::string& id) {
  const Records& latency = campaign.latency();
  Json values = Json::array();
  std::vector<std::string> totals;
  double last = 1;
  HtmlTable table{"Detected by then, in percent of dangerous faults",
                  {"faults in", "checker", "cycles", "dangerous", "detected", "share"},
                  {}};
  for (std::size_t i = 0; i < latency.size(); ++i) {
    if (latency.text(i, "fault_class") != fault_class) continue;
    const std::string& faults = latency.text(i, "site_class");
    add_once(totals, faults);
    values.push_back({{"faults", faults},
                      {"checker", latency.text(i, "checker")},
                      {"cycles", latency.json(i, "latency_cycles")},
                      {"incidence", latency.json(i, "incidence")},
                      {"ci_low", latency.json(i, "ci_low")},
                      {"ci_high", latency.json(i, "ci_high")}});
    last = std::max(last, latency.number(i, "latency_cycles").value_or(0));
    table.rows.push_back({faults, latency.text(i, "checker"), latency.text(i, "latency_cycles"),
                          latency.text(i, "dangerous"), latency.text(i, "detected"),
                          coverage_cell(latency, i, "incidence")});
  }
  Figure figure;
  figure.id = id + "latency";
  figure.title = "How soon";
  figure.caption = fmt::format(
      "Share of all dangerous faults whose alarm has been read, over the cycles since the fault. "
      "The plateau is the "
      "coverage: a fault that is missed raises no alarm later. {}",
      campaign.interval_note().rfind("Lines", 0) == 0 ? "Bands are the intervals." : "");
  figure.label = fmt::format("Cumulative incidence of detection, {} checkers. {}",
                             campaign.checkers().size(), figure.caption);
  figure.table = std::move(table);
  if (totals.empty()) return figure;
  put_first(totals, "total");
  figure.spec = chart(kSpec);
  add_value(figure.spec, "last", last);
  add_choice(figure.spec, "faults", "faults in", totals);
  add_data(figure.spec, "latency", std::move(values));
  tell_apart(figure.spec, campaign.checkers(), "checker");
  return figure;
}

}  // namespace attnguard
