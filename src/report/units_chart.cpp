#include "src/report/units_chart.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

namespace attnguard {
namespace {

constexpr const char* kSpec = R"json({
  "signals": [
    {"name": "row_height", "update": "narrow ? 42 : 26"},
    {"name": "height", "update": "row_count * row_height"},
    {"name": "top", "update": "narrow ? 19 : 3"}
  ],
  "data": [
    {"name": "busy", "source": "parts", "transform": [{"type": "filter", "expr": "datum.busy"}]},
    {"name": "stalls", "source": "parts", "transform": [{"type": "filter", "expr": "!datum.busy"}]}
  ],
  "scales": [
    {"name": "x", "type": "linear", "domain": [0, {"signal": "cycles"}], "range": "width", "nice": false, "zero": true},
    {"name": "row", "type": "band", "domain": {"data": "parts", "field": "unit"}, "range": "height"}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "encode": {"labels": {"update": {"text": {"signal": "format(datum.value, abs(datum.value) >= 10000 ? '~s' : '~g')"}}}},
     "tickCount": {"signal": "narrow ? 4 : 8"}, "labelFlush": true, "title": "cycles"},
    {"scale": "row", "orient": "left", "domain": false, "ticks": false, "labelLimit": {"signal": "narrow ? room : 220"},
     "encode": {"labels": {"update": {
       "x": {"signal": "narrow ? 2 : -8"}, "align": {"signal": "narrow ? 'left' : 'right'"},
       "y": {"scale": "row", "field": "value", "offset": {"signal": "narrow ? 9 : row_height / 2"}}}}}}
  ],
  "marks": [
    {"type": "rect", "name": "busy_bar", "from": {"data": "busy"}, "encode": {"update": {
      "x": {"scale": "x", "field": "from"}, "x2": {"scale": "x", "field": "to"},
      "y": {"scale": "row", "field": "unit", "offset": {"signal": "top"}}, "height": {"signal": "row_height - top - 3"},
      "fill": {"value": "var(--busy)"}, "tooltip": {"signal": "datum.unit + ': busy ' + datum.cycles + ' cycles'"}}}},
    {"type": "rect", "name": "stall_bar", "from": {"data": "stalls"}, "encode": {"update": {
      "x": {"scale": "x", "field": "from"}, "x2": {"scale": "x", "field": "to"},
      "y": {"scale": "row", "field": "unit", "offset": {"signal": "top"}}, "height": {"signal": "row_height - top - 3"},
      "fill": {"signal": "datum.order % 2 ? 'var(--stall1)' : 'var(--stall0)'"},
      "stroke": {"value": "var(--paper)"}, "strokeWidth": {"value": 0.5},
      "tooltip": {"signal": "datum.unit + ': stalled ' + datum.cycles + ' cycles, ' + datum.what"}}}},
    {"type": "text", "interactive": false, "from": {"data": "parts"}, "encode": {"update": {
      "x": {"scale": "x", "field": "from", "offset": 4},
      "y": {"scale": "row", "field": "unit", "offset": {"signal": "top + (row_height - top - 3) / 2"}},
      "baseline": {"value": "middle"}, "fontSize": {"value": 10},
      "fill": {"signal": "datum.busy ? 'var(--on-busy)' : 'var(--on-stall)'"},
      "text": {"signal": "scale('x', datum.to) - scale('x', datum.from) > 6.2 * length(datum.what) + 8 ? datum.what : ''"}}}}
  ]
})json";

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole > 0
             ? fmt::format("{:.1f}", 100 * static_cast<double>(part) / static_cast<double>(whole))
             : "";
}

}  // namespace

Figure units_figure(const Json& run, const std::string& id) {
  const auto cycles = run.at("cycles").get<std::uint64_t>();
  Figure figure;
  figure.id = id + "units";
  figure.title = "What every unit did";
  figure.caption =
      "Busy cycles, then stalled cycles by reason; together they are all cycles of the run. "
      "docs/timing.md and the unit's own page (models/<unit>/README.md) define the reasons.";
  figure.table = {"Cycles of every unit", {"unit", "what", "cycles", "share, %"}, {}};
  Json parts = Json::array();
  for (const auto& [unit, stats] : run.at("units").items()) {
    std::uint64_t from = 0;
    int order = 0;
    const auto add = [&, name = unit](const std::string& what, const Json& count, bool busy) {
      const auto spent = count.get<std::uint64_t>();
      figure.table.rows.push_back(
          {name, what, HtmlCell(count.dump(), count.dump()), percent(spent, cycles)});
      if (spent == 0) return;
      parts.push_back({{"unit", name},
                       {"what", what},
                       {"busy", busy},
                       {"order", busy ? 0 : order++},
                       {"cycles", spent},
                       {"from", from},
                       {"to", from + spent}});
      from += spent;
    };
    add("busy", stats.at("busy_cycles"), true);
    for (const auto& [reason, count] : stats.at("stall_cycles").items()) add(reason, count, false);
  }
  figure.label = fmt::format("Busy and stalled cycles of {} units over {} cycles. {}",
                             run.at("units").size(), cycles, figure.caption);
  figure.spec = chart(kSpec);
  add_value(figure.spec, "row_count", run.at("units").size());
  add_value(figure.spec, "cycles", cycles);
  add_data(figure.spec, "parts", std::move(parts));
  return figure;
}

HtmlTable cost_table(const Json& cost) {
  constexpr double kPicojoulesPerMicrojoule = 1e6, kSquareMicrometresPerMillimetre = 1e6;
  HtmlTable table{
      fmt::format("Energy and area, {}", cost.at("technology").get<std::string>()),
      {"unit", "energy, µJ", "% of the accelerator", "area, mm²", "% of the accelerator"},
      {}};
  const Json& whole = cost.at("accelerator");
  const auto figure = [](const Json& value, double unit) {
    return value.is_number()
               ? HtmlCell(fmt::format("{:.4g}", value.get<double>() / unit), value.dump())
               : HtmlCell("unknown");
  };
  const auto share = [&](const Json& of, const char* key) -> HtmlCell {
    const double all = whole.at(key).get<double>();
    return of.at(key).is_number() && all > 0
               ? HtmlCell(fmt::format("{:.2f}", 100 * of.at(key).get<double>() / all))
               : HtmlCell("");
  };
  const auto add = [&](const std::string& name, const Json& of, bool with_shares) {
    table.rows.push_back({name, figure(of.at("energy_pj"), kPicojoulesPerMicrojoule),
                          with_shares ? share(of, "energy_pj") : HtmlCell(),
                          figure(of.at("area_um2"), kSquareMicrometresPerMillimetre),
                          with_shares ? share(of, "area_um2") : HtmlCell()});
  };
  for (const auto& [unit, figures] : cost.at("units").items())
    add(unit, figures, unit != "external_memory");
  add("accelerator (without external_memory)", whole, true);
  for (const auto& [checker, figures] : cost.at("checkers").items())
    add("+ " + checker, figures, true);
  return table;
}

}  // namespace attnguard
