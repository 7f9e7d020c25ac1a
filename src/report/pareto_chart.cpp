#include "src/report/pareto_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/report/chart.h"

namespace attnguard {
namespace {

constexpr const char* kSpec = R"json({
  "height": 320,
  "data": [
    {"name": "shown", "source": "offers", "transform": [{"type": "filter", "expr": "datum.price === price"}]},
    {"name": "interval", "source": "shown", "transform": [{"type": "filter", "expr": "isValid(datum.ci_low)"}]},
    {"name": "frontier", "source": "shown", "transform": [
      {"type": "filter", "expr": "datum.best"}, {"type": "collect", "sort": {"field": "cost"}}]}
  ],
  "scales": [
    {"name": "x", "type": "linear", "domain": {"data": "shown", "field": "cost"}, "range": "width", "zero": true, "nice": true},
    {"name": "y", "type": "linear", "domain": [0, 1], "range": "height"}
  ],
  "axes": [
    {"scale": "y", "orient": "left", "format": "%", "grid": true, "domain": false, "ticks": false, "tickCount": 5, "title": "coverage"},
    {"scale": "x", "orient": "bottom", "labelOverlap": true, "labelFlush": true, "tickCount": {"signal": "narrow ? 4 : 8"},
     "title": {"signal": "price + ', % of the accelerator without checkers'"}}
  ],
  "marks": [
    {"type": "line", "name": "frontier_line", "from": {"data": "frontier"}, "encode": {"update": {
      "interpolate": {"value": "step-after"}, "x": {"scale": "x", "field": "cost"}, "y": {"scale": "y", "field": "coverage"},
      "stroke": {"value": "var(--line)"}, "strokeWidth": {"value": 1.5}, "strokeDash": {"value": [4, 3]}}}},
    {"type": "rule", "name": "offer_line", "from": {"data": "interval"}, "encode": {"update": {
      "x": {"scale": "x", "field": "cost"}, "y": {"scale": "y", "field": "ci_low"}, "y2": {"scale": "y", "field": "ci_high"},
      "stroke": {"scale": "color", "field": "name"}, "strokeWidth": {"value": 2}, "strokeOpacity": {"value": 0.4}}}},
    {"type": "symbol", "name": "offer_point", "from": {"data": "shown"}, "encode": {"update": {
      "x": {"scale": "x", "field": "cost"}, "y": {"scale": "y", "field": "coverage"},
      "shape": {"scale": "shape", "field": "name"}, "fill": {"scale": "color", "field": "name"},
      "size": {"signal": "datum.best ? 110 : 60"}, "stroke": {"signal": "datum.best ? 'var(--text)' : null"},
      "tooltip": {"signal": "datum.name + (datum.detail ? ' (' + datum.detail + ')' : '') + ': coverage ' + format(datum.coverage, '.1%') + ', ' + datum.price + ' ' + format(datum.cost, '.3~g') + ' %'"}}}}
  ]
})json";

struct Price {
  const char* name;
  nlohmann::ordered_json Offer::*percent;
};
constexpr Price kPrices[] = {{"area", &Offer::area_pct}, {"energy", &Offer::energy_pct}};

/// Nothing costs less, or as much, and covers more, or as much, without being its equal.
bool is_best(const Offer& offer, const std::vector<Offer>& offers, const Price& price) {
  const double cost = (offer.*price.percent).get<double>(), coverage = offer.coverage.get<double>();
  return std::none_of(offers.begin(), offers.end(), [&](const Offer& other) {
    if (!other.coverage.is_number() || !(other.*price.percent).is_number()) return false;
    const double its_cost = (other.*price.percent).get<double>(),
                 its_coverage = other.coverage.get<double>();
    return its_cost <= cost && its_coverage >= coverage &&
           (its_cost < cost || its_coverage > coverage);
  });
}

HtmlCell percent_cell(const nlohmann::ordered_json& value, double factor) {
  if (!value.is_number()) return "–";
  return {fmt::format("{:.2f}", factor * value.get<double>()), value.dump()};
}

}  // namespace

Figure pareto_figure(const std::vector<Offer>& offers, const std::string& id) {
  Figure figure;
  figure.id = id + "pareto";
  figure.title = "What coverage costs";
  figure.caption =
      "Each mark is one checker alone; the dashed line joins those (ringed) that nothing beats in "
      "both. Area and energy are a "
      "first-order model (docs/cost.md).";
  figure.table = {"Coverage and overhead, in percent",
                  {"checker", "accelerator", "coverage", "area", "energy"},
                  {}};
  std::vector<std::string> names, prices;
  Json values = Json::array();
  for (const Price& price : kPrices)
    for (const Offer& offer : offers) {
      add_once(names, offer.name);
      if (!offer.coverage.is_number() || !(offer.*price.percent).is_number()) continue;
      add_once(prices, price.name);
      values.push_back({{"price", price.name},
                        {"name", offer.name},
                        {"detail", offer.detail},
                        {"cost", offer.*price.percent},
                        {"coverage", offer.coverage},
                        {"ci_low", offer.ci_low},
                        {"ci_high", offer.ci_high},
                        {"best", is_best(offer, offers, price)}});
    }
  if (values.empty()) return figure;
  for (const Offer& offer : offers)
    figure.table.rows.push_back({offer.name, offer.detail, percent_cell(offer.coverage, 100),
                                 percent_cell(offer.area_pct, 1),
                                 percent_cell(offer.energy_pct, 1)});
  figure.label = fmt::format("Coverage against overhead in area or energy of {} checkers. {}",
                             names.size(), figure.caption);
  figure.spec = chart(kSpec);
  add_choice(figure.spec, "price", "overhead in", prices);
  add_data(figure.spec, "offers", std::move(values));
  tell_apart(figure.spec, names, "checker");
  return figure;
}

}  // namespace attnguard
