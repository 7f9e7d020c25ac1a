#include "src/report/timeline_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "src/config/user_error.h"
#include "src/report/campaign_results.h"
#include "src/report/chart.h"

namespace attnguard {
namespace {

constexpr std::size_t kMostSpans = 3000;  // drawn one by one
constexpr std::size_t kSlices = 500;      // else, over the whole run
constexpr std::size_t kStretchSpans = 500;

constexpr const char* kSpec = R"json({
  "signals": [
    {"name": "row_height", "update": "narrow ? 40 : 24"},
    {"name": "height", "update": "row_count * row_height"},
    {"name": "top", "update": "narrow ? 19 : 3"}
  ],
  "data": [
    {"name": "busy", "source": "spans", "transform": [{"type": "filter", "expr": "datum.busy > 0"}]},
    {"name": "stalls", "source": "spans", "transform": [{"type": "filter", "expr": "datum.busy < 1"}]},
    {"name": "rows", "source": "spans", "transform": [{"type": "aggregate", "groupby": ["unit"]}]}
  ],
  "scales": [
    {"name": "x", "type": "linear", "domain": [{"signal": "first"}, {"signal": "last"}], "range": "width", "nice": false, "zero": false},
    {"name": "row", "type": "band", "domain": {"signal": "units"}, "range": "height"}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "encode": {"labels": {"update": {"text": {"signal": "format(datum.value, abs(datum.value) >= 10000 ? '~s' : '~g')"}}}},
     "tickCount": {"signal": "narrow ? 4 : 8"}, "labelFlush": true, "title": "cycle"},
    {"scale": "row", "orient": "left", "domain": false, "ticks": false, "labelLimit": {"signal": "narrow ? room : 220"},
     "encode": {"labels": {"update": {
       "x": {"signal": "narrow ? 2 : -8"}, "align": {"signal": "narrow ? 'left' : 'right'"},
       "y": {"scale": "row", "field": "value", "offset": {"signal": "narrow ? 9 : row_height / 2"}}}}}}
  ],
  "marks": [
    {"type": "rect", "name": "stall_span", "clip": true, "from": {"data": "stalls"}, "encode": {"update": {
      "x": {"scale": "x", "field": "from"}, "x2": {"scale": "x", "field": "to"},
      "y": {"scale": "row", "field": "unit", "offset": {"signal": "top"}}, "height": {"signal": "row_height - top - 3"},
      "fill": {"value": "var(--stall1)"}, "tooltip": {"signal": "datum.text"}}}},
    {"type": "rect", "name": "busy_span", "clip": true, "from": {"data": "busy"}, "encode": {"update": {
      "x": {"scale": "x", "field": "from"}, "x2": {"scale": "x", "field": "to"},
      "y": {"scale": "row", "field": "unit", "offset": {"signal": "top"}}, "height": {"signal": "row_height - top - 3"},
      "fill": {"value": "var(--busy)"}, "fillOpacity": {"field": "busy"}, "tooltip": {"signal": "datum.text"}}}},
    {"type": "text", "interactive": false, "clip": true, "from": {"data": "spans"}, "encode": {"update": {
      "x": {"scale": "x", "field": "from", "offset": 3},
      "y": {"scale": "row", "field": "unit", "offset": {"signal": "top + (row_height - top - 3) / 2"}},
      "baseline": {"value": "middle"}, "fontSize": {"value": 10},
      "fill": {"signal": "datum.busy ? 'var(--on-busy)' : 'var(--on-stall)'"},
      "text": {"signal": "scale('x', datum.to) - scale('x', datum.from) > 6.2 * length(datum.what) + 6 ? datum.what : ''"}}}},
    {"type": "rule", "name": "event_line", "clip": true, "from": {"data": "events"}, "encode": {"update": {
      "x": {"scale": "x", "field": "cycle"}, "y": {"value": 0}, "y2": {"signal": "height"},
      "stroke": {"value": "var(--heat)"}, "strokeWidth": {"value": 2}, "strokeDash": {"signal": "datum.kind === 'alarm' ? [4, 3] : null"},
      "tooltip": {"signal": "datum.text"}}}}
  ]
})json";

struct Span {
  std::size_t unit = 0;
  bool busy = false;
  std::uint64_t from = 0, to = 0;
  std::string what;
};

struct Timeline {
  std::vector<std::string> units;
  std::vector<Span> spans;
  Json events = Json::array();  ///< {cycle, kind, text}
  std::uint64_t last = 1;
};

Timeline read(const std::filesystem::path& file) {
  const Json json = read_json(file);
  Timeline timeline;
  std::map<std::pair<std::int64_t, std::int64_t>, std::string> names;
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> units;
  try {
    const auto track = [](const Json& event) {
      return std::make_pair(event.value("pid", std::int64_t{0}),
                            event.value("tid", std::int64_t{0}));
    };
    for (const Json& event : json.at("traceEvents")) {
      const std::string phase = event.at("ph");
      if (phase == "M" && event.at("name") == "thread_name")
        names[track(event)] = event.at("args").at("name");
      if (phase == "i") {
        const auto cycle = event.at("args").at("cycle").get<std::uint64_t>();
        timeline.events.push_back(
            {{"cycle", cycle},
             {"kind", event.at("cat")},
             {"text", fmt::format("{}, cycle {}", event.at("name").get<std::string>(), cycle)}});
        timeline.last = std::max(timeline.last, cycle);
      }
      if (phase != "X") continue;
      const auto [at, is_new] = units.emplace(track(event), timeline.units.size());
      if (is_new) timeline.units.push_back(names[track(event)]);
      const Json& args = event.at("args");
      const auto from = args.at("cycle").get<std::uint64_t>();
      const std::uint64_t to = from + args.at("cycles").get<std::uint64_t>();
      timeline.spans.push_back({at->second, event.at("cat") == "busy", from, to, event.at("name")});
      timeline.last = std::max(timeline.last, to);
    }
  } catch (const Json::exception& error) {
    throw UserError(
        fmt::format("{}: {}; what `attnguard run --timeline` writes", file.string(), error.what()));
  }
  return timeline;
}

Json exact(const Timeline& timeline, const std::vector<const Span*>& spans) {
  Json rows = Json::array();
  for (const Span* span : spans)
    rows.push_back({{"unit", timeline.units[span->unit]},
                    {"busy", span->busy ? 1 : 0},
                    {"from", span->from},
                    {"to", span->to},
                    {"what", span->what},
                    {"text", fmt::format("{}: {}, cycles {} to {}", timeline.units[span->unit],
                                         span->what, span->from, span->to)}});
  return rows;
}

/// Share of busy cycles of every unit in every slice of the run.
Json sliced(const Timeline& timeline) {
  const double width = static_cast<double>(timeline.last) / kSlices;
  std::vector<std::vector<double>> busy(timeline.units.size(), std::vector<double>(kSlices, 0));
  std::vector<std::vector<char>> known(timeline.units.size(), std::vector<char>(kSlices, 0));
  for (const Span& span : timeline.spans)
    for (auto slice = static_cast<std::size_t>(static_cast<double>(span.from) / width);
         slice < kSlices && static_cast<double>(slice) * width < static_cast<double>(span.to);
         ++slice) {
      const double begin =
          std::max(static_cast<double>(span.from), static_cast<double>(slice) * width);
      const double end =
          std::min(static_cast<double>(span.to), static_cast<double>(slice + 1) * width);
      known[span.unit][slice] = 1;
      if (span.busy) busy[span.unit][slice] += std::max(0.0, end - begin) / width;
    }
  Json rows = Json::array();
  for (std::size_t unit = 0; unit < timeline.units.size(); ++unit)
    for (std::size_t begin = 0, end = 0; begin < kSlices; begin = end) {
      const auto share = [&](std::size_t slice) {
        return known[unit][slice] == 0 ? -1.0
                                       : std::round(std::min(1.0, busy[unit][slice]) * 20) / 20;
      };
      for (end = begin + 1; end < kSlices && share(end) == share(begin);) ++end;
      if (share(begin) < 0) continue;
      const double from = std::round(static_cast<double>(begin) * width),
                   to = std::round(static_cast<double>(end) * width);
      rows.push_back({{"unit", timeline.units[unit]},
                      {"busy", share(begin)},
                      {"from", from},
                      {"to", to},
                      {"what", ""},
                      {"text", fmt::format("{}: busy {:.0f} % of cycles {:.0f} to {:.0f}",
                                           timeline.units[unit], 100 * share(begin), from, to)}});
    }
  return rows;
}

HtmlTable table_of(const Timeline& timeline) {
  HtmlTable table{"Busy and stalled stretches of every unit",
                  {"unit", "busy stretches", "busy cycles", "stalled stretches", "stalled cycles"},
                  {}};
  for (std::size_t unit = 0; unit < timeline.units.size(); ++unit) {
    std::uint64_t count[2] = {0, 0}, cycles[2] = {0, 0};
    for (const Span& span : timeline.spans) {
      if (span.unit != unit) continue;
      ++count[span.busy ? 0 : 1];
      cycles[span.busy ? 0 : 1] += span.to - span.from;
    }
    table.rows.push_back({timeline.units[unit], fmt::format("{}", count[0]),
                          fmt::format("{}", cycles[0]), fmt::format("{}", count[1]),
                          fmt::format("{}", cycles[1])});
  }
  for (const Json& event : timeline.events)
    table.rows.push_back({event["text"].get<std::string>()});
  return table;
}

Figure figure_of(const Timeline& timeline, const std::string& id, Json spans, std::uint64_t first,
                 std::uint64_t last) {
  Figure figure;
  figure.id = id;
  figure.table = table_of(timeline);
  figure.spec = chart(kSpec);
  add_value(figure.spec, "row_count", timeline.units.size());
  add_value(figure.spec, "units", timeline.units);
  add_value(figure.spec, "first", first);
  add_value(figure.spec, "last", last);
  add_data(figure.spec, "events", timeline.events);
  add_data(figure.spec, "spans", std::move(spans));
  return figure;
}

}  // namespace

std::vector<Figure> timeline_figures(const std::filesystem::path& file, const std::string& id) {
  const Timeline timeline = read(file);
  if (timeline.spans.empty()) return {};
  const char* const legend =
      "Dark: busy; light: stalled. A line across all units marks a fault, a dashed one an alarm.";
  std::vector<const Span*> all;
  for (const Span& span : timeline.spans) all.push_back(&span);
  const bool few = all.size() <= kMostSpans;
  std::vector<Figure> figures;
  figures.push_back(figure_of(timeline, id + "timeline",
                              few ? exact(timeline, all) : sliced(timeline), 0, timeline.last));
  figures.back().title = "Timeline";
  figures.back().caption = few ? legend
                               : fmt::format(
                                     "{} stretches in {} slices of time: the darker, the larger "
                                     "the share of busy cycles. {}",
                                     all.size(), kSlices, legend);
  if (!few) {
    // Around the first fault, or from the start.
    const std::uint64_t centre =
        timeline.events.empty() ? 0 : timeline.events.front()["cycle"].get<std::uint64_t>();
    const std::uint64_t length =
        std::max<std::uint64_t>(1, timeline.last * kStretchSpans / all.size());
    const std::uint64_t first = centre > length / 4 ? centre - length / 4 : 0;
    std::vector<const Span*> stretch;
    for (const Span* span : all)
      if (span->to > first && span->from < first + length) stretch.push_back(span);
    figures.push_back(figure_of(timeline, id + "timeline-stretch", exact(timeline, stretch), first,
                                first + length));
    figures.back().title = fmt::format("Timeline of cycles {} to {}", first, first + length);
    figures.back().caption = legend;
  }
  for (Figure& figure : figures)
    figure.label = fmt::format("{}: {} units over {} cycles. {}", figure.title,
                               timeline.units.size(), timeline.last, figure.caption);
  return figures;
}

}  // namespace attnguard
