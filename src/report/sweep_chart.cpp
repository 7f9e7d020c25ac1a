#include "src/report/sweep_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "src/report/campaign_results.h"

namespace attnguard {
namespace {

constexpr const char* kSpec = R"json({
  "height": 260,
  "data": [
    {"name": "shown", "source": "points", "transform": [{"type": "filter", "expr": "datum.line === line || line === ''"}]},
    {"name": "interval", "source": "shown", "transform": [{"type": "filter", "expr": "isValid(datum.low)"}]}
  ],
  "scales": [
    {"name": "x", "type": "point", "domain": {"signal": "x_domain"}, "range": "width", "padding": 0.3}
  ],
  "axes": [
    {"scale": "y", "orient": "left", "grid": true, "domain": false, "ticks": false, "tickCount": 5},
    {"scale": "x", "orient": "bottom", "labelOverlap": true, "labelLimit": 120}
  ],
  "marks": [
    {"type": "group", "from": {"facet": {"name": "series_points", "data": "shown", "groupby": "series"}}, "marks": [
      {"type": "line", "name": "point_line", "from": {"data": "series_points"}, "encode": {"update": {
        "x": {"scale": "x", "field": "x"}, "y": {"scale": "y", "field": "value"},
        "stroke": {"scale": "color", "field": "series"}, "strokeWidth": {"value": 1.5}, "strokeOpacity": {"value": 0.7}}}}]},
    {"type": "rule", "name": "interval_line", "from": {"data": "interval"}, "encode": {"update": {
      "x": {"scale": "x", "field": "x"}, "y": {"scale": "y", "field": "low"}, "y2": {"scale": "y", "field": "high"},
      "stroke": {"scale": "color", "field": "series"}, "strokeWidth": {"value": 2}, "strokeOpacity": {"value": 0.4}}}},
    {"type": "symbol", "name": "value_point", "from": {"data": "shown"}, "encode": {"update": {
      "x": {"scale": "x", "field": "x"}, "y": {"scale": "y", "field": "value"},
      "shape": {"scale": "shape", "field": "series"}, "fill": {"scale": "color", "field": "series"}, "size": {"value": 50},
      "tooltip": {"signal": "datum.text"}}}}
  ]
})json";

/// The last part of a key, or the whole where another key has the same.
std::vector<std::string> short_names(const std::vector<std::string>& keys) {
  const auto last = [](const std::string& key) { return key.substr(key.rfind('.') + 1); };
  std::vector<std::string> names;
  for (const std::string& key : keys)
    names.push_back(
        std::count_if(keys.begin(), keys.end(),
                      [&](const std::string& other) { return last(other) == last(key); }) == 1
            ? last(key)
            : key);
  return names;
}

/// Whether each value of `one` goes with a single value of `other`.
bool decides(const Records& rows, const std::string& one, const std::string& other) {
  std::map<std::string, std::string> values;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (values.emplace(rows.text(i, one), rows.text(i, other)).first->second != rows.text(i, other))
      return false;
  return true;
}

std::string joined(const std::string& text, const std::string& more, const char* separator) {
  return text.empty() ? more : text + separator + more;
}

Json base(const SweepLayout& layout) {
  Json spec = chart(kSpec);
  std::vector<std::string> x_domain;
  for (const std::string& x : layout.x) add_once(x_domain, x);
  add_value(spec, "x_domain", x_domain);
  spec["axes"][1]["title"] = layout.x_title;
  return spec;
}

}  // namespace

SweepLayout::SweepLayout(const Records& rows) : x(rows.size()), line(rows.size()) {
  for (const std::string& column : rows.header()) {
    if (column == "cycles") break;
    keys.push_back(column);
  }
  if (keys.empty()) return;
  const auto most =
      std::max_element(keys.begin(), keys.end(), [&](const std::string& a, const std::string& b) {
        return rows.distinct(a).size() < rows.distinct(b).size();
      });
  const std::vector<std::string> names = short_names(keys);
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const bool on_x = decides(rows, *most, keys[k]);
    std::string& title = on_x ? x_title : line_title;
    title = joined(title, names[k], on_x ? " × " : ", ");
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (on_x)
        x[i] = joined(x[i], rows.text(i, keys[k]), " × ");
      else
        line[i] = joined(line[i], names[k] + " " + rows.text(i, keys[k]), ", ");
  }
}

Figure sweep_figure(const Records& rows, const SweepLayout& layout, const Measure& measure,
                    const std::string& id) {
  Figure figure;
  figure.id = id + measure.id;
  figure.title = measure.title;
  figure.caption = measure.caption;
  const std::string head =
      measure.unit.empty() ? measure.column : fmt::format("{}, {}", measure.title, measure.unit);
  figure.table = {measure.title, {layout.x_title, layout.line_title, head}, {}};
  double least = std::numeric_limits<double>::infinity(), most = 0;
  std::vector<std::string> series;
  Json points = Json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::optional<double> raw = rows.number(i, measure.column);
    if (!raw) continue;
    const double value = measure.factor * *raw;
    const std::string name = layout.line[i].empty() ? measure.title : layout.line[i];
    add_once(series, name);
    least = std::min(least, value);
    most = std::max(most, value);
    points.push_back(
        {{"x", layout.x[i]},
         {"series", name},
         {"line", ""},
         {"value", value},
         {"text", fmt::format("{}{}{}: {:.6g} {}", layout.x[i], layout.line[i].empty() ? "" : ", ",
                              layout.line[i], value, measure.unit)}});
    figure.table.rows.push_back(
        {layout.x[i], layout.line[i],
         HtmlCell(fmt::format("{:.6g}", value), rows.text(i, measure.column))});
  }
  constexpr double kDecades = 100;
  const bool logarithmic = least > 0 && most > kDecades * least;
  figure.label = fmt::format("{} at {} points of the sweep{}. {}", measure.title, points.size(),
                             logarithmic ? ", on a logarithmic axis" : "", measure.caption);
  figure.spec = base(layout);
  Json scale = {{"name", "y"},
                {"type", logarithmic ? "log" : "linear"},
                {"domain", {{"data", "points"}, {"field", "value"}}},
                {"range", "height"},
                {"nice", true}};
  if (!logarithmic) scale["zero"] = true;
  figure.spec["scales"].push_back(std::move(scale));
  figure.spec["axes"][0]["encode"]["labels"]["update"]["text"] = {
      {"signal", "format(datum.value, abs(datum.value) >= 10000 ? '~s' : '~g')"}};
  figure.spec["axes"][0]["title"] = measure.unit + (logarithmic ? " (log)" : "");
  add_value(figure.spec, "line", "");
  add_data(figure.spec, "points", std::move(points));
  if (series.size() > 1)
    tell_apart(figure.spec, series, layout.line_title);
  else
    add_scales(figure.spec, series);
  return figure;
}

Figure sweep_coverage(const Records& rows, const SweepLayout& layout,
                      const std::vector<std::string>& checkers, const std::string& id) {
  Figure figure;
  figure.id = id + "coverage";
  figure.title = "Coverage";
  figure.caption = "Total of the datapath at every point, with its interval.";
  figure.table = {"Coverage, in percent", {layout.x_title, layout.line_title}, {}};
  for (const std::string& checker : checkers) figure.table.head.push_back(checker);
  std::vector<std::string> lines;
  Json points = Json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    add_once(lines, layout.line[i]);
    std::vector<HtmlCell>& row = figure.table.rows.emplace_back();
    row = {layout.x[i], layout.line[i]};
    for (const std::string& checker : checkers) {
      const Json value = rows.json(i, checker + ".coverage");
      if (value.is_null()) {
        row.emplace_back("–");
        continue;
      }
      row.push_back(coverage_cell(rows, i, "coverage", checker + "."));
      points.push_back(
          {{"x", layout.x[i]},
           {"series", checker},
           {"line", layout.line[i]},
           {"value", value},
           {"low", rows.json(i, checker + ".ci_low")},
           {"high", rows.json(i, checker + ".ci_high")},
           {"text", fmt::format("{}, {}: {} %", layout.x[i], checker, row.back().text)}});
    }
  }
  figure.label = fmt::format("Coverage of {} checkers at {} points. {}", checkers.size(),
                             rows.size(), figure.caption);
  figure.spec = base(layout);
  figure.spec["scales"].push_back(
      {{"name", "y"}, {"type", "linear"}, {"domain", {0, 1}}, {"range", "height"}});
  figure.spec["axes"][0]["format"] = "%";
  add_choice(figure.spec, "line", layout.line_title, lines);
  add_data(figure.spec, "points", std::move(points));
  tell_apart(figure.spec, checkers, "checker");
  return figure;
}

}  // namespace attnguard
