#include "src/campaign/figures/statistics.h"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <limits>

namespace attnguard {
namespace {

double beta_quantile(double a, double b, double probability) {
  return boost::math::quantile(boost::math::beta_distribution<>(a, b), probability);
}

double chi_squared_quantile(double degrees, double probability) {
  return boost::math::quantile(boost::math::chi_squared_distribution<>(degrees), probability);
}

double normal_quantile(double probability) {
  return boost::math::quantile(boost::math::normal_distribution<>(), probability);
}

WeightedSum weighted_sum(const std::vector<WeightedCounts>& strata,
                         std::uint64_t WeightedCounts::*count, double confidence) {
  std::vector<WeightedCount> counts;
  counts.reserve(strata.size());
  for (const WeightedCounts& s : strata) counts.push_back({s.weight, s.*count});
  return weighted_sum(counts, confidence);
}

}  // namespace

Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence) {
  const double z = normal_quantile((1 + confidence) / 2);
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double centre = p + z * z / (2 * n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  // The ends at 0 and n successes are exact; the formula only meets them up to rounding.
  return {successes == 0 ? 0 : (centre - half) / scale,
          successes == trials ? 1 : (centre + half) / scale};
}

Interval clopper_pearson(std::uint64_t successes, std::uint64_t trials, double confidence) {
  const auto x = static_cast<double>(successes), n = static_cast<double>(trials);
  const double tail = (1 - confidence) / 2;
  return {successes == 0 ? 0 : beta_quantile(x, n - x + 1, tail),
          successes == trials ? 1 : beta_quantile(x + 1, n - x, 1 - tail)};
}

double rate_upper_bound(std::uint64_t events, std::uint64_t trials, double confidence) {
  if (events >= trials) return 1;
  return beta_quantile(static_cast<double>(events) + 1, static_cast<double>(trials - events),
                       confidence);
}

double no_miss_bound(std::uint64_t draws, double confidence) {
  return 1 - rate_upper_bound(0, draws, confidence);
}

std::uint64_t no_miss_draws(double share, double confidence) {
  return static_cast<std::uint64_t>(std::ceil(std::log1p(-confidence) / std::log(share)));
}

double margin_of_error(std::uint64_t draws, double confidence) {
  return normal_quantile((1 + confidence) / 2) / (2 * std::sqrt(static_cast<double>(draws)));
}

WeightedSum weighted_sum(const std::vector<WeightedCount>& strata, double confidence) {
  double sum = 0, variance = 0, largest = 0;
  for (const WeightedCount& s : strata) {
    const auto x = static_cast<double>(s.count);
    sum += s.weight * x;
    variance += s.weight * s.weight * x;
    largest = std::max(largest, s.weight);
  }
  const double tail = (1 - confidence) / 2;
  WeightedSum result{sum, 0, 0};
  if (sum > 0)
    result.low = variance / (2 * sum) * chi_squared_quantile(2 * sum * sum / variance, tail);
  const double next_sum = sum + largest, next_variance = variance + largest * largest;
  result.high = next_variance / (2 * next_sum) *
                chi_squared_quantile(2 * next_sum * next_sum / next_variance, 1 - tail);
  return result;
}

std::optional<double> weighted_coverage(const std::vector<WeightedCounts>& strata) {
  double detected = 0, dangerous = 0;
  for (const WeightedCounts& s : strata) {
    detected += s.weight * static_cast<double>(s.detected);
    dangerous += s.weight * static_cast<double>(s.detected + s.undetected);
  }
  if (dangerous == 0) return std::nullopt;
  return detected / dangerous;
}

Interval fay_feuer(const std::vector<WeightedCounts>& strata, double confidence) {
  const WeightedSum d = weighted_sum(strata, &WeightedCounts::detected, confidence);
  const WeightedSum u = weighted_sum(strata, &WeightedCounts::undetected, confidence);
  // Limits of rho = U / D; both written so that nothing cancels and no denominator changes sign.
  const double product = u.value * d.value;
  const double a = u.high * (2 * u.value - u.high), b = d.low * (2 * d.value - d.low);
  const double rho_high = b > 0 ? (product + std::sqrt(product * product - a * b)) / b
                                : std::numeric_limits<double>::infinity();
  const double e = u.low * (2 * u.value - u.low), f = d.high * (2 * d.value - d.high);
  const double rho_low =
      e > 0 ? e / (product + std::sqrt(std::max(0.0, product * product - e * f))) : 0;
  return {1 / (1 + rho_high), 1 / (1 + rho_low)};
}

LatencyDistribution::LatencyDistribution(const std::vector<LatencyCounts>& strata) {
  std::vector<std::pair<std::uint64_t, double>> detected;
  for (const LatencyCounts& s : strata) {
    dangerous_ += s.weight * static_cast<double>(s.dangerous);
    for (const auto& [cycles, draws] : s.detected_after)
      detected.emplace_back(cycles, s.weight * static_cast<double>(draws));
  }
  // Stable: the strata of one latency are summed in their order, on every machine alike.
  std::stable_sort(detected.begin(), detected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  double reached = 0;
  for (std::size_t i = 0; i < detected.size();) {
    const std::uint64_t cycles = detected[i].first;
    double weight = 0;
    for (; i < detected.size() && detected[i].first == cycles; ++i) weight += detected[i].second;
    reached_.emplace_back(cycles, reached += weight);
  }
}

std::optional<std::uint64_t> LatencyDistribution::quantile(double quantile,
                                                           bool given_detected) const {
  const double detected = reached_.empty() ? 0 : reached_.back().second;
  const double needed = quantile * (given_detected ? detected : dangerous_);
  const auto at = std::partition_point(reached_.begin(), reached_.end(),
                                       [&](const auto& entry) { return entry.second < needed; });
  return at == reached_.end() ? std::nullopt : std::optional(at->first);
}

}  // namespace attnguard
