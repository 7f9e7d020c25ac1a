// Rows of injections.csv.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "src/campaign/injections/record.h"
#include "src/files/csv.h"

namespace attnguard {

/// First line of injections.csv.
std::string injections_header(const CampaignContext& context);

/// Renders rows; what registers and strata share is rendered once.
class RowWriter {
 public:
  explicit RowWriter(const CampaignContext& context);

  void append(const Record& record, fmt::memory_buffer& text);
  /// One row with its line end.
  std::string row(const Record& record);

 private:
  void add_injection(const Injection& injection);
  void add_activation(const FaultOutcome& outcome, std::uint32_t register_bits);
  void add_effect(Effect effect, const Measurement& measurement);
  void add_checker(std::size_t c, Effect effect, const Record& record);
  void add_recovery(const RecoveryMeasurement& recovery);

  const CampaignContext& context_;
  const Owners owners_;
  std::vector<std::string> strata_;   ///< "stratum,weight"
  std::vector<std::string> classes_;  ///< "site_class,domain"
  CsvLine line_;
};

}  // namespace attnguard
