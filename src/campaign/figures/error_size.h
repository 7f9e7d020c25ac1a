// Coverage by the size of the output error: a checker that misses large errors has a blind spot,
// one that misses small ones a threshold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/campaign/campaign_config.h"
#include "src/campaign/figures/cells.h"
#include "src/campaign/injections/record.h"

namespace attnguard {

/// What became of the output: an error in (above, to], or something else.
struct ErrorBin {
  std::string_view outcome;  ///< output_error, nonfinite, hang, crash
  std::optional<double> above{}, to{};
};

/// Powers of ten from 1e-6 to 1000, and the tolerance between them, so that a bin is dangerous
/// whole or not at all; then nonfinite, hang and crash.
std::vector<ErrorBin> error_bins(double tolerance);

/// Counts records of any order.
class ErrorSizeTally {
 public:
  ErrorSizeTally(const CampaignContext& context, const CampaignConfig& config);

  void add(const Record& record);

  /// Text of error_size.csv: per checker, fault class and total a row per bin.
  std::string csv() const;

 private:
  struct Counts {
    std::vector<std::uint64_t> faults;    ///< [bin]
    std::vector<std::uint64_t> detected;  ///< [checker × bins + bin]
  };

  /// Where an injection belongs; none if it left the output as it should be.
  std::optional<std::size_t> bin_of(Effect effect, const OutputDifference& difference) const;

  const CampaignContext& context_;
  const CampaignConfig& config_;
  std::vector<ErrorBin> bins_;
  Cells<Counts> cells_;
};

}  // namespace attnguard
