#include "src/report/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "src/report/chart.h"

namespace attnguard {
namespace {

// `square`: cells as high as wide. Names of rows stand left, on a phone above their row.
constexpr const char* kSpec = R"json({
  "signals": [
    {"name": "checker_index", "update": "indexof(checkers, checker)"},
    {"name": "side_by_side", "update": "!narrow"},
    {"name": "name_room", "update": "square ? 44 : narrow ? 4 : 225"},
    {"name": "panel_width", "update": "square ? cell * columns : side_by_side ? (room - name_room - 30) / 2 : room - 12"},
    {"name": "cell", "update": "square ? max(2, min(26, floor(((side_by_side ? room / 2 : room) - name_room - 12) / columns))) : narrow ? 30 : 14"},
    {"name": "panel_height", "update": "cell * rows"},
    {"name": "name_line", "update": "!square && narrow ? 17 : 0"}
  ],
  "layout": {"columns": {"signal": "side_by_side ? 2 : 1"}, "padding": {"row": 24, "column": 20}, "bounds": "full", "align": "all"},
  "data": [
    {"name": "shown", "source": "cells", "transform": [
      {"type": "filter", "expr": "datum.part === part"},
      {"type": "formula", "as": "missed", "expr": "datum.missed_by[checker_index]"},
      {"type": "formula", "as": "undetected", "expr": "datum.undetected_by[checker_index]"}]},
    {"name": "dangerous_cells", "source": "shown", "transform": [{"type": "filter", "expr": "datum.dangerous > 0"}]}
  ],
  "scales": [
    {"name": "x", "type": "band", "domain": {"signal": "x_domain"}, "range": [0, {"signal": "panel_width"}]},
    {"name": "y", "type": "band", "domain": {"signal": "y_domain"}, "range": [0, {"signal": "panel_height"}]},
    {"name": "shade", "type": "linear", "domain": [0, 1], "range": [0, 1]}
  ],
  "legends": [{"opacity": "shade", "values": [0, 0.25, 0.5, 0.75, 1], "format": "%", "symbolType": "square", "symbolSize": 160,
    "symbolFillColor": "var(--heat)", "symbolStrokeColor": "var(--line)", "symbolStrokeWidth": 0.5, "orient": "top",
    "direction": "horizontal", "title": "share", "encode": {"symbols": {"update": {
      "fillOpacity": {"scale": "shade", "field": "value"}, "opacity": {"value": 1}}}}}],
  "marks": []
})json";

constexpr const char* kPanel = R"json({
  "type": "group",
  "encode": {"update": {"width": {"signal": "panel_width"}, "height": {"signal": "panel_height"}}},
  "axes": [
    {"scale": "x", "orient": "bottom", "domain": false, "ticks": false, "labelOverlap": true, "labelPadding": 3},
    {"scale": "y", "orient": "left", "domain": false, "ticks": false, "labelOverlap": true, "labelLimit": {"signal": "narrow && !square ? room : 220"}}
  ],
  "marks": [
    {"type": "rect", "encode": {"update": {
      "x": {"scale": "x", "field": "x"}, "width": {"scale": "x", "band": 1, "offset": -0.5},
      "y": {"scale": "y", "field": "y", "offset": {"signal": "name_line"}}, "height": {"signal": "cell - name_line - 0.5"},
      "fill": {"value": "var(--empty)"}}}},
    {"type": "rect", "encode": {"update": {
      "x": {"scale": "x", "field": "x"}, "width": {"scale": "x", "band": 1, "offset": -0.5},
      "y": {"scale": "y", "field": "y", "offset": {"signal": "name_line"}}, "height": {"signal": "cell - name_line - 0.5"},
      "fill": {"value": "var(--heat)"}}}}
  ]
})json";

constexpr const char* kAll = "all registers";

struct HeatMap {
  Json x_domain = Json::array(), y_domain = Json::array(), cells = Json::array();
  std::string x_title, y_title, part_label;
  std::vector<std::string> parts;  ///< the reader chooses among
  bool square = true;
};

/// Four digits: what a shade can show.
double rounded(double share) { return std::round(share * 1e4) / 1e4; }

Json cell(const Json& x, const Json& y, const std::string& part, const Tally& tally) {
  Json missed = Json::array();
  for (std::size_t c = 0; c < tally.undetected.size(); ++c)
    missed.push_back(rounded(tally.undetected_share(c)));
  return {{"x", x},
          {"y", y},
          {"part", part},
          {"faults", tally.faults},
          {"dangerous", tally.dangerous},
          {"share", rounded(tally.dangerous_share())},
          {"undetected_by", tally.undetected},
          {"missed_by", missed}};
}

Json panel(const HeatMap& map, bool missed) {
  Json panel = Json::parse(kPanel);
  panel["name"] = missed ? "missed_panel" : "dangerous_panel";
  panel["title"] = {
      {"text", missed ? Json{{"signal", "'undetected by ' + checker"}} : Json("dangerous")},
      {"anchor", "start"},
      {"color", "var(--text)"},
      {"fontSize", 12},
      {"fontWeight", "normal"},
      {"offset", 4},
      {"frame", "group"}};
  panel["axes"][0]["title"] = map.x_title;
  if (map.square)
    panel["axes"][1]["title"] = map.y_title;
  else
    panel["axes"][1]["encode"]["labels"]["update"] = {
        {"x", {{"signal", "narrow ? 0 : -6"}}},
        {"align", {{"signal", "narrow ? 'left' : 'right'"}}},
        {"y",
         {{"scale", "y"}, {"field", "value"}, {"offset", {{"signal", "narrow ? 10 : cell / 2"}}}}},
        // The rows of the second map are those of the first, beside it.
        {"text", {{"signal", missed ? "narrow ? datum.value : ''" : "datum.value"}}}};
  const char* const data = missed ? "dangerous_cells" : "shown";
  Json& marks = panel["marks"];
  marks[0]["from"] = {{"data", data}};
  marks[1]["from"] = {{"data", data}};
  marks[1]["name"] = missed ? "missed_cell" : "dangerous_cell";
  marks[1]["encode"]["update"]["fillOpacity"] = {{"scale", "shade"},
                                                 {"field", missed ? "missed" : "share"}};
  marks[1]["encode"]["update"]["tooltip"] = {
      {"signal", missed ? "place_name(datum) + ': ' + datum.undetected + ' of ' + datum.dangerous "
                          "+ ' dangerous faults undetected'"
                        : "place_name(datum) + ': ' + datum.dangerous + ' of ' + datum.faults + ' "
                          "faults dangerous'"}};
  return panel;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

Json spec_of(HeatMap map, const std::vector<std::string>& checkers) {
  Json spec = chart(kSpec, "pad");
  for (const bool missed : {false, true}) {
    Json part = panel(map, missed);
    // Vega's expressions know no functions of one's own.
    std::string tooltip = part["marks"][1]["encode"]["update"]["tooltip"]["signal"];
    replace_all(
        tooltip, "place_name(datum)",
        map.square ? "'row ' + datum.y + ', column ' + datum.x" : "datum.y + ', bit ' + datum.x");
    part["marks"][1]["encode"]["update"]["tooltip"]["signal"] = tooltip;
    spec["marks"].push_back(std::move(part));
  }
  add_value(spec, "square", map.square);
  add_value(spec, "columns", map.x_domain.size());
  add_value(spec, "rows", map.y_domain.size());
  add_value(spec, "x_domain", std::move(map.x_domain));
  add_value(spec, "y_domain", std::move(map.y_domain));
  add_value(spec, "checkers", checkers);
  add_choice(spec, "checker", "undetected by", checkers);
  add_choice(spec, "part", map.part_label, map.parts);
  add_data(spec, "cells", std::move(map.cells));
  return spec;
}

std::vector<std::string> head_of(std::vector<std::string> head,
                                 const std::vector<std::string>& checkers) {
  head.insert(head.end(), {"faults", "dangerous"});
  for (const std::string& checker : checkers) head.push_back("undetected by " + checker);
  return head;
}

void add_counts(std::vector<HtmlCell>& line, const Tally& tally) {
  line.emplace_back(fmt::format("{}", tally.faults));
  line.emplace_back(fmt::format("{}", tally.dangerous));
  for (const std::uint64_t count : tally.undetected) line.emplace_back(fmt::format("{}", count));
}

}  // namespace

Figure array_map(const PlaceTallies& places, const std::vector<std::string>& checkers,
                 const std::string& id) {
  constexpr std::uint32_t kMostCells = 32;  // each way
  std::uint32_t rows = 0, cols = 0;
  for (const auto& [site, tally] : places.elements) {
    rows = std::max(rows, site.row + 1);
    cols = std::max(cols, site.col + 1);
  }
  const std::uint32_t block = (std::max(rows, cols) + kMostCells - 1) / kMostCells;
  HeatMap map;
  map.x_title = "column";
  map.y_title = "row";
  map.part_label = "faults in";
  map.parts = {kAll};
  std::map<PeSite, Tally> folded;
  std::uint64_t faults = 0;
  for (const auto& [site, tally] : places.elements) {
    faults += tally.faults;
    if (std::find(map.parts.begin(), map.parts.end(), site.reg) == map.parts.end())
      map.parts.push_back(site.reg);
    for (const std::string& part : {std::string(kAll), site.reg})
      folded[{site.row / block * block, site.col / block * block, part}] += tally;
  }
  for (std::uint32_t row = 0; row < rows; row += block) map.y_domain.push_back(row);
  for (std::uint32_t col = 0; col < cols; col += block) map.x_domain.push_back(col);

  Figure figure;
  figure.id = id + "array-map";
  figure.title = "Where in the array";
  figure.table = {"Faults by element of the array, all registers",
                  head_of({"element", "row", "column"}, checkers),
                  {}};
  for (const auto& [site, tally] : folded) {
    map.cells.push_back(cell(site.col, site.row, site.reg, tally));
    if (site.reg != kAll) continue;
    std::vector<HtmlCell>& line = figure.table.rows.emplace_back();
    line = {fmt::format("pe[{}][{}]", site.row, site.col), fmt::format("{}", site.row),
            fmt::format("{}", site.col)};
    add_counts(line, tally);
  }
  if (folded.empty()) return figure;
  const std::uint64_t cells = std::uint64_t{map.x_domain.size()} * map.y_domain.size();
  figure.caption = fmt::format(
      "First map: share of the faults in an element's registers that are dangerous (sdc, hang or "
      "crash). Second map: share of "
      "these that the checker misses; blank where there was none. Shares are weighted. {}{} faults "
      "in {} cells, {:.3g} per cell: read the "
      "pattern, not the single cell.",
      block > 1 ? fmt::format("A cell is {0} × {0} elements. ", block) : "", faults, cells,
      static_cast<double>(faults) / static_cast<double>(cells));
  figure.label = fmt::format("Two maps of {} rows and {} columns of processing elements. {}", rows,
                             cols, figure.caption);
  figure.spec = spec_of(std::move(map), checkers);
  return figure;
}

Figure bit_map(const PlaceTallies& places, const std::vector<std::string>& checkers,
               const std::string& id) {
  Figure figure;
  figure.id = id + "bit-map";
  figure.title = "Which bits";
  figure.table = {"Faults by site class and bit", head_of({"site class", "bit"}, checkers), {}};
  HeatMap map;
  map.square = false;
  map.x_title = "bit";
  map.part_label = "faults in";
  map.parts = {kAll};
  std::uint32_t highest = 0;
  for (const auto& [place, tally] : places.bits) {
    const std::string& site_class = places.site_classes[place.first];
    highest = std::max(highest, place.second);
    map.cells.push_back(cell(place.second, site_class, kAll, tally));
    std::vector<HtmlCell>& line = figure.table.rows.emplace_back();
    line = {site_class, fmt::format("{}", place.second)};
    add_counts(line, tally);
  }
  if (places.bits.empty()) return figure;
  for (std::uint32_t bit = highest + 1; bit-- > 0;) map.x_domain.push_back(bit);
  for (const std::string& site_class : places.site_classes) map.y_domain.push_back(site_class);
  figure.caption =
      "The same by the bit that was flipped (the lowest of several; on a link within its lane), "
      "highest bit "
      "left: float32 has its sign in bit 31 and its exponent from bit 30 to 23, bfloat16 in 15 and "
      "14 to 7.";
  figure.label = fmt::format("Two maps of {} site classes by {} bits. {}",
                             places.site_classes.size(), highest + 1, figure.caption);
  figure.spec = spec_of(std::move(map), checkers);
  return figure;
}

}  // namespace attnguard
