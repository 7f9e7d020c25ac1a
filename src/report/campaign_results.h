// What a campaign left in its folder, as far as a report shows it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "src/report/html.h"
#include "src/report/records.h"

namespace attnguard {

class CampaignResults {
 public:
  /// UserError when a file is missing or is not what `attnguard campaign` writes.
  explicit CampaignResults(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const Json& summary() const { return summary_; }
  const Json& config() const { return config_; }
  const Records& coverage() const { return coverage_; }
  const Records& latency() const { return latency_; }
  const std::vector<std::string>& checkers() const { return checkers_; }
  const std::vector<std::string>& fault_classes() const { return fault_classes_; }
  /// That decided which error is dangerous.
  double tolerance() const { return tolerance_; }
  /// What the intervals are, in a sentence.
  std::string interval_note() const;

  /// Rows of coverage() of the fault class at tolerance(), datapath only: by site class, or the
  /// totals.
  std::vector<std::size_t> site_rows(std::string_view fault_class) const;
  std::vector<std::size_t> total_rows(std::string_view fault_class) const;
  /// The row `total` of a checker, if the campaign has one.
  std::optional<std::size_t> total_row(std::string_view fault_class,
                                       std::string_view checker) const;

 private:
  std::vector<std::size_t> rows(std::string_view fault_class, bool totals) const;

  std::filesystem::path folder_;
  Json summary_, config_;
  Records coverage_, latency_;
  std::vector<std::string> checkers_, fault_classes_;
  double tolerance_ = 0;
};

/// A JSON file; UserError naming it when it cannot be read.
Json read_json(const std::filesystem::path& file);

/// "84.2 [64.3, 90.4]" in percent with the exact share behind it; empty without a share. `prefix`:
/// of the columns of share and interval.
HtmlCell coverage_cell(const Records& records, std::size_t row,
                       const std::string& share = "coverage", const std::string& prefix = "");

}  // namespace attnguard
