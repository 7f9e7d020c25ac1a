#include "src/report/coverage_chart.h"

#include <fmt/format.h>

#include <algorithm>

namespace attnguard {
namespace {

constexpr const char* kSpec = R"json({
  "signals": [
    {"name": "lane_height", "update": "series_count > 1 ? 9 : 14"},
    {"name": "row_height", "update": "series_count * lane_height + (narrow ? 26 : 12)"},
    {"name": "height", "update": "row_count * row_height"}
  ],
  "data": [
    {"name": "interval", "source": "coverage", "transform": [{"type": "filter", "expr": "isValid(datum.ci_low)"}]},
    {"name": "known", "source": "coverage", "transform": [{"type": "filter", "expr": "isValid(datum.coverage)"}]},
    {"name": "rows", "source": "coverage", "transform": [{"type": "aggregate", "groupby": ["row"]}]}
  ],
  "scales": [
    {"name": "x", "type": "linear", "domain": [0, 1], "range": "width"},
    {"name": "row", "type": "band", "domain": {"data": "coverage", "field": "row"}, "range": "height"},
    {"name": "lane", "type": "band", "domain": {"data": "coverage", "field": "series"},
     "range": [{"signal": "narrow ? 20 : 6"}, {"signal": "row_height - 6"}]}
  ],
  "axes": [
    {"scale": "x", "orient": "top", "format": "%", "grid": true, "domain": false, "ticks": false, "tickCount": 5},
    {"scale": "x", "orient": "bottom", "format": "%", "domain": false, "ticks": false, "tickCount": 5,
     "title": "coverage: share of dangerous faults detected"},
    {"scale": "row", "orient": "left", "domain": false, "ticks": false, "labelLimit": {"signal": "narrow ? room : 260"},
     "encode": {"labels": {"update": {
       "x": {"signal": "narrow ? 2 : -8"}, "align": {"signal": "narrow ? 'left' : 'right'"},
       "y": {"scale": "row", "field": "value", "offset": {"signal": "narrow ? 10 : row_height / 2"}}}}}}
  ],
  "marks": [
    {"type": "rule", "name": "row_line", "from": {"data": "rows"}, "encode": {"update": {
      "x": {"value": 0}, "x2": {"signal": "width"}, "y": {"scale": "row", "field": "row"}, "stroke": {"value": "var(--grid)"}}}},
    {"type": "rule", "name": "interval_line", "from": {"data": "interval"}, "encode": {"update": {
      "x": {"scale": "x", "field": "ci_low"}, "x2": {"scale": "x", "field": "ci_high"},
      "y": {"scale": "row", "field": "row", "offset": {"scale": "lane", "field": "series", "band": 0.5}},
      "stroke": {"scale": "color", "field": "series"}, "strokeWidth": {"value": 2}, "strokeOpacity": {"value": 0.5}}}},
    {"type": "symbol", "name": "coverage_point", "from": {"data": "known"}, "encode": {"update": {
      "x": {"scale": "x", "field": "coverage"},
      "y": {"scale": "row", "field": "row", "offset": {"scale": "lane", "field": "series", "band": 0.5}},
      "shape": {"scale": "shape", "field": "series"}, "fill": {"scale": "color", "field": "series"}, "size": {"value": 42},
      "tooltip": {"signal": "datum.row + ', ' + datum.series + ': ' + format(datum.coverage, '.1%') + (isValid(datum.ci_low) ? ' [' + format(datum.ci_low, '.1%') + ', ' + format(datum.ci_high, '.1%') + ']' : '') + '; ' + datum.count"}}}}
  ]
})json";

std::vector<CoveragePoint> points_of(const Records& coverage,
                                     const std::vector<std::size_t>& rows) {
  std::vector<CoveragePoint> points;
  for (const std::size_t i : rows)
    points.push_back(
        coverage_point(coverage, i, coverage.text(i, "site_class"), coverage.text(i, "checker")));
  return points;
}

/// Site classes down, checkers across.
HtmlTable table_of(const CampaignResults& campaign, const std::vector<std::size_t>& rows,
                   const std::string& caption) {
  const Records& coverage = campaign.coverage();
  HtmlTable table{caption, {"site class", "injections", "dangerous"}, {}};
  for (const std::string& checker : campaign.checkers()) table.head.push_back(checker);
  std::vector<std::string> sites;
  for (const std::size_t i : rows) add_once(sites, coverage.text(i, "site_class"));
  for (const std::string& site : sites) {
    std::vector<HtmlCell>& line = table.rows.emplace_back();
    for (const std::size_t i : rows) {
      if (coverage.text(i, "site_class") != site) continue;
      if (line.empty()) {
        const double dangerous = coverage.number(i, "detected").value_or(0) +
                                 coverage.number(i, "undetected").value_or(0);
        line = {site, coverage.text(i, "injections"), fmt::format("{:.0f}", dangerous)};
      }
      line.push_back(coverage_cell(coverage, i));
    }
  }
  return table;
}

Figure figure_of(const CampaignResults& campaign, const std::vector<std::size_t>& rows,
                 const std::string& id, const std::string& title, const std::string& caption) {
  Figure figure;
  figure.id = id;
  figure.title = title;
  figure.caption = caption;
  figure.spec = coverage_spec(points_of(campaign.coverage(), rows), "checker");
  figure.table = table_of(campaign, rows, title + ", in percent");
  figure.label = fmt::format("{}: {} rows, {} checkers. {}", title, figure.table.rows.size(),
                             campaign.checkers().size(), caption);
  return figure;
}

}  // namespace

CoveragePoint coverage_point(const Records& coverage, std::size_t i, const std::string& row,
                             const std::string& series) {
  return {row,
          series,
          coverage.json(i, "coverage"),
          coverage.json(i, "ci_low"),
          coverage.json(i, "ci_high"),
          fmt::format("{} detected, {} undetected", coverage.text(i, "detected"),
                      coverage.text(i, "undetected"))};
}

Json coverage_spec(const std::vector<CoveragePoint>& points, const std::string& series_title) {
  std::vector<std::string> rows, series;
  Json values = Json::array();
  for (const CoveragePoint& point : points) {
    add_once(rows, point.row);
    add_once(series, point.series);
    values.push_back({{"row", point.row},
                      {"series", point.series},
                      {"coverage", point.coverage},
                      {"ci_low", point.ci_low},
                      {"ci_high", point.ci_high},
                      {"count", point.count}});
  }
  Json spec = chart(kSpec);
  add_value(spec, "row_count", rows.size());
  add_value(spec, "series_count", series.size());
  add_data(spec, "coverage", std::move(values));
  tell_apart(spec, series, series_title);
  return spec;
}

Figure total_coverage(const CampaignResults& campaign, const std::string& fault_class,
                      const std::string& id) {
  return figure_of(
      campaign, campaign.total_rows(fault_class), id + "total-coverage", "Coverage of the datapath",
      fmt::format("Share of dangerous faults (output error beyond {}, hang or crash) that each "
                  "checker detects, weighted by the "
                  "live bit-cycles of every storage element. {} total_logic: registers, links and "
                  "lines; total_sram: the buffers.",
                  campaign.tolerance(), campaign.interval_note()));
}

Figure site_coverage(const CampaignResults& campaign, const std::string& fault_class,
                     const std::string& id) {
  return figure_of(campaign, campaign.site_rows(fault_class), id + "site-coverage",
                   "Coverage by site class",
                   "The same where the fault struck. A row without marks had no dangerous fault.");
}

}  // namespace attnguard
