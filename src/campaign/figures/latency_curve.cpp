#include "src/campaign/figures/latency_curve.h"

#include <algorithm>

#include "src/campaign/figures/estimate.h"
#include "src/files/csv.h"

namespace attnguard {

std::vector<WeightedCounts> detected_within(const std::vector<LatencyCounts>& strata,
                                            std::uint64_t cycles) {
  std::vector<WeightedCounts> counts;
  for (const LatencyCounts& s : strata) {
    std::uint64_t detected = 0;
    for (const auto& [latency, draws] : s.detected_after)
      if (latency <= cycles) detected += draws;
    counts.push_back({s.weight, detected, s.dangerous - detected});
  }
  return counts;
}

std::vector<std::uint64_t> curve_cycles(std::uint64_t last) {
  std::vector<std::uint64_t> cycles;
  if (last > 0) cycles.push_back(0);
  for (std::uint64_t octave = 1; octave < last; octave *= 2) {
    cycles.push_back(octave);
    if (octave > 1 && octave / 2 * 3 < last) cycles.push_back(octave / 2 * 3);
  }
  cycles.push_back(last);
  return cycles;
}

std::string latency_csv(const CampaignContext& context, const CoverageTally& tally,
                        const CampaignConfig& config) {
  CsvLine header;
  for (const char* column :
       {"checker", "site_class", "fault_class", "tolerance", "latency_cycles", "dangerous",
        "detected", "incidence", "ci_low", "ci_high", "confidence", "ci_method"})
    header.add(column);
  std::string text = header.str();
  for (std::size_t c = 0; c < context.checkers.size(); ++c)
    for (const FaultClass fault_class : context.plan.fault_classes())
      for (const SiteGroup& group : totals(context, fault_class)) {
        const std::vector<LatencyCounts> strata = tally.latencies(c, group);
        std::uint64_t dangerous = 0, last = 0;
        for (const LatencyCounts& s : strata) {
          dangerous += s.dangerous;
          if (!s.detected_after.empty()) last = std::max(last, s.detected_after.back().first);
        }
        if (dangerous == 0) continue;
        for (const std::uint64_t cycles : curve_cycles(last)) {
          const std::vector<WeightedCounts> counts = detected_within(strata, cycles);
          std::uint64_t detected = 0;
          for (const WeightedCounts& s : counts) detected += s.detected;
          CsvLine line;
          line.add(context.checkers[c]).add(group.name).add(enum_name(fault_class));
          line.add(context.tolerance).add(cycles).add(dangerous).add(detected);
          add_estimate(line, estimate(counts, context.plan.census(), config), config.confidence);
          text += line.str();
        }
      }
  return text;
}

}  // namespace attnguard
