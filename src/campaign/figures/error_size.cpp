#include "src/campaign/figures/error_size.h"

#include <algorithm>
#include <limits>

#include "src/campaign/figures/estimate.h"
#include "src/campaign/figures/site_group.h"
#include "src/files/csv.h"

namespace attnguard {

std::vector<ErrorBin> error_bins(double tolerance) {
  std::vector<double> edges{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000};
  if (tolerance > 0) edges.push_back(tolerance);
  edges.push_back(std::numeric_limits<double>::infinity());
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<ErrorBin> bins;
  double above = 0;
  for (const double to : edges) {
    bins.push_back({"output_error", above, to});
    above = to;
  }
  for (const char* outcome : {"nonfinite", "hang", "crash"}) bins.push_back({outcome});
  return bins;
}

ErrorSizeTally::ErrorSizeTally(const CampaignContext& context, const CampaignConfig& config)
    : context_(context),
      config_(config),
      bins_(error_bins(context.tolerance)),
      cells_(context, {std::vector<std::uint64_t>(bins_.size()),
                       std::vector<std::uint64_t>(bins_.size() * context.checkers.size())}) {}

std::optional<std::size_t> ErrorSizeTally::bin_of(Effect effect,
                                                  const OutputDifference& difference) const {
  const std::size_t errors = bins_.size() - 3;
  if (effect == Effect::hang) return errors + 1;
  if (effect == Effect::crash) return errors + 2;
  if (effect != Effect::sdc && effect != Effect::tolerable) return std::nullopt;
  if (difference.nonfinite) return errors;
  if (difference.max_row_error == 0) return std::nullopt;  // −0 for +0
  std::size_t bin = 0;
  while (difference.max_row_error > *bins_[bin].to) ++bin;
  return bin;
}

void ErrorSizeTally::add(const Record& record) {
  const auto& [injection, measurement] = record;
  if (context_.universe[injection.fault.site.reg].domain != Domain::function) return;
  Counts& counts = cells_.of(injection);  // also of a fault in no bin: its stratum was drawn
  const auto bin = bin_of(judge_effect(measurement, injection.first_cycle, context_.tolerance),
                          measurement.difference);
  if (!bin) return;
  ++counts.faults[*bin];
  for (std::size_t c = 0; c < context_.checkers.size(); ++c)
    counts.detected[c * bins_.size() + *bin] += measurement.checkers[c].alarm_cycle != kNever;
}

std::string ErrorSizeTally::csv() const {
  CsvLine header;
  for (const char* column :
       {"checker", "site_class", "fault_class", "outcome", "error_above", "error_to", "faults",
        "detected", "undetected", "coverage", "ci_low", "ci_high", "confidence", "ci_method"})
    header.add(column);
  std::string text = header.str();
  for (std::size_t c = 0; c < context_.checkers.size(); ++c)
    for (const FaultClass fault_class : context_.plan.fault_classes())
      for (const SiteGroup& group : totals(context_, fault_class)) {
        const auto cells = cells_.chosen(group);
        for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
          std::vector<WeightedCounts> strata;
          std::uint64_t faults = 0, detected = 0;
          for (const auto* cell : cells) {
            const std::uint64_t all = cell->counts.faults[bin],
                                alarms = cell->counts.detected[c * bins_.size() + bin];
            faults += all;
            detected += alarms;
            strata.push_back({context_.plan.strata()[cell->stratum].weight, alarms, all - alarms});
          }
          CsvLine line;
          line.add(context_.checkers[c]).add(group.name).add(enum_name(fault_class));
          line.add(bins_[bin].outcome).add(bins_[bin].above).add(bins_[bin].to);
          line.add(faults).add(detected).add(faults - detected);
          add_estimate(line, estimate(strata, context_.plan.census(), config_), config_.confidence);
          text += line.str();
        }
      }
  return text;
}

}  // namespace attnguard
