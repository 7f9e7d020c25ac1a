#include "src/report/chart.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace attnguard {
namespace {

constexpr std::size_t kColors = 8;  // of page.css, --c0 …
constexpr std::array<const char*, 7> kShapes{
    "circle", "square", "triangle-up", "diamond", "triangle-down", "triangle-left", "cross"};

/// Prepends to the list `spec[key]`.
void put_first(Json& spec, const char* key, Json item) {
  Json list = Json::array({std::move(item)});
  if (spec.contains(key))
    for (Json& other : spec[key]) list.push_back(std::move(other));
  spec[key] = std::move(list);
}

}  // namespace

Json chart(std::string_view text, std::string_view type) {
  Json spec = Json::parse(text);
  spec["autosize"] = {{"type", type}, {"contains", "padding"}};
  // Of "pad" the marks decide.
  spec["width"] = type == "pad" ? 1 : 600;
  add_value(spec, "narrow", false);
  add_value(spec, "room", 600);
  return spec;
}

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

void add_data(Json& spec, std::string_view name, Json rows) {
  put_first(spec, "data", {{"name", name}, {"values", std::move(rows)}});
}

void add_scales(Json& spec, const std::vector<std::string>& names) {
  Json colors = Json::array(), shapes = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    colors.push_back("var(--c" + std::to_string(i % kColors) + ")");
    shapes.push_back(kShapes[(i + i / kColors) % kShapes.size()]);
  }
  put_first(spec, "scales",
            {{"name", "color"}, {"type", "ordinal"}, {"domain", names}, {"range", colors}});
  put_first(spec, "scales",
            {{"name", "shape"}, {"type", "ordinal"}, {"domain", names}, {"range", shapes}});
}

void tell_apart(Json& spec, const std::vector<std::string>& names, std::string_view legend_title) {
  add_scales(spec, names);
  spec["legends"] = Json::array();
  spec["legends"].push_back({{"fill", "color"},
                             {"shape", "shape"},
                             {"title", legend_title},
                             {"orient", "top"},
                             {"direction", "horizontal"},
                             {"columns", {{"signal", "narrow ? 2 : max(1, floor(room / 180))"}}}});
}

void add_value(Json& spec, std::string_view name, const Json& value) {
  put_first(spec, "signals", {{"name", name}, {"value", value}});
}

void add_choice(Json& spec, std::string_view name, std::string_view label,
                const std::vector<std::string>& options) {
  Json signal = {{"name", name}, {"value", options.front()}};
  if (options.size() > 1)
    signal["bind"] = {{"input", "select"}, {"options", options}, {"name", label}};
  put_first(spec, "signals", std::move(signal));
}

}  // namespace attnguard
