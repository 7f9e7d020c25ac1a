// Two checkers on the same faults.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/campaign/figures/statistics.h"

namespace attnguard {

/// Dangerous draws of one stratum, by who detected them.
struct PairedCounts {
  double weight = 1;
  std::uint64_t both = 0, only_a = 0, only_b = 0, neither = 0;
};

struct PairedDifference {
  double difference = 0;  ///< coverage of a − coverage of b
  double standard_error = 0;
  Interval interval;
};

/// Exact two-sided McNemar test: if no stratum tells a from b, every draw that only one of them
/// detected is a fair coin, whichever stratum it comes from. The probability of a split at least as
/// uneven.
double mcnemar(std::uint64_t only_a, std::uint64_t only_b);

/// Δ = Σ w (only_a − only_b) / Σ w dangerous. To first order its error is that of Σ w z / Σ w
/// dangerous, where z is 1 − Δ for a draw that only a detected, −1 − Δ for one that only b did, −Δ
/// for the others. The standard error takes the counts as Poisson; the interval combines their
/// Fay–Feuer limits by MOVER, so that it has a width where nothing or only one side was seen. Empty
/// without dangerous draws. `strata` holds every stratum that was drawn.
std::optional<PairedDifference> paired_difference(const std::vector<PairedCounts>& strata,
                                                  double confidence);

}  // namespace attnguard
