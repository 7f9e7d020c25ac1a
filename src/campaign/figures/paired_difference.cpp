#include "src/campaign/figures/paired_difference.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>

namespace attnguard {
namespace {

// Distances from a sum to its limits, and its variance.
struct Term {
  double below = 0, above = 0, variance = 0;
};

// Of coefficient × Σ w x.
template <class Count>
Term term(const std::vector<PairedCounts>& strata, double coefficient, double confidence,
          Count count) {
  std::vector<WeightedCount> counts;
  double variance = 0;
  for (const PairedCounts& s : strata) {
    counts.push_back({s.weight, count(s)});
    variance += s.weight * s.weight * static_cast<double>(counts.back().count);
  }
  const WeightedSum sum = weighted_sum(counts, confidence);
  const double below = coefficient * (sum.value - sum.low),
               above = coefficient * (sum.high - sum.value);
  const double squared = coefficient * coefficient * variance;
  return coefficient >= 0 ? Term{below, above, squared} : Term{above, below, squared};
}

}  // namespace

double mcnemar(std::uint64_t only_a, std::uint64_t only_b) {
  const auto trials = static_cast<double>(only_a + only_b);
  if (trials == 0) return 1;
  const boost::math::binomial_distribution<> fair(trials, 0.5);
  return std::min(1.0, 2 * boost::math::cdf(fair, static_cast<double>(std::min(only_a, only_b))));
}

std::optional<PairedDifference> paired_difference(const std::vector<PairedCounts>& strata,
                                                  double confidence) {
  double dangerous = 0, difference = 0;
  for (const PairedCounts& s : strata) {
    dangerous += s.weight * static_cast<double>(s.both + s.only_a + s.only_b + s.neither);
    difference += s.weight * (static_cast<double>(s.only_a) - static_cast<double>(s.only_b));
  }
  if (dangerous == 0) return std::nullopt;
  PairedDifference result;
  result.difference = difference / dangerous;
  const double delta = result.difference;
  double below = 0, above = 0, variance = 0;
  for (const Term& t :
       {term(strata, 1 - delta, confidence, [](const PairedCounts& s) { return s.only_a; }),
        term(strata, -1 - delta, confidence, [](const PairedCounts& s) { return s.only_b; }),
        term(strata, -delta, confidence,
             [](const PairedCounts& s) { return s.both + s.neither; })}) {
    below += t.below * t.below;
    above += t.above * t.above;
    variance += t.variance;
  }
  result.standard_error = std::sqrt(variance) / dangerous;
  result.interval = {std::max(-1.0, delta - std::sqrt(below) / dangerous),
                     std::min(1.0, delta + std::sqrt(above) / dangerous)};
  return result;
}

}  // namespace attnguard
