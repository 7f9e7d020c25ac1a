#include "src/campaign/figures/estimate.h"

#include <algorithm>

namespace attnguard {
namespace {

// An equal weight makes the pooled counts a plain proportion.
bool same_weight(const std::vector<WeightedCounts>& strata) {
  return std::all_of(strata.begin(), strata.end(),
                     [&](const WeightedCounts& s) { return s.weight == strata.front().weight; });
}

}  // namespace

Estimate estimate(const std::vector<WeightedCounts>& strata, bool census,
                  const CampaignConfig& config) {
  Estimate result;
  result.share = weighted_coverage(strata);
  if (!result.share) return result;
  if (census) {
    result.method = "census";
    return result;
  }
  if (!same_weight(strata)) {
    result.method = "fay_feuer";
    result.interval = fay_feuer(strata, config.confidence);
    return result;
  }
  std::uint64_t detected = 0, dangerous = 0;
  for (const WeightedCounts& s : strata) {
    detected += s.detected;
    dangerous += s.detected + s.undetected;
  }
  result.method = enum_name(config.interval);
  result.interval = config.interval == IntervalMethod::wilson
                        ? wilson(detected, dangerous, config.confidence)
                        : clopper_pearson(detected, dangerous, config.confidence);
  return result;
}

void add_estimate(CsvLine& line, const Estimate& estimate, double confidence) {
  line.add(estimate.share);
  if (estimate.interval)
    line.add(estimate.interval->low).add(estimate.interval->high).add(confidence);
  else
    line.skip(3);
  line.add(estimate.method);
}

}  // namespace attnguard
