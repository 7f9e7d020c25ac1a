// What one injection did, whichever engine measured it: everything a row of injections.csv is made
// of besides the injection itself.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/fault_injector/fault.h"
#include "models/numerics/format.h"
#include "models/numerics/kernels.h"
#include "src/campaign/injections/recovery_measurement.h"
#include "src/simulation/combinations.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// The output of a run against the golden one.
struct OutputDifference {
  std::uint64_t changed_values = 0, changed_rows = 0;
  double max_abs_error = 0;  ///< infinite when a changed value is not finite
  double max_row_error =
      0;  ///< max over rows of max|o − g| / max|g|; absolute where the golden row is zero
  bool nonfinite = false;  ///< a changed value is not finite
};

/// Of one comparison of a checker, over the checks whose inputs differ from the golden run's.
struct RatioMax {
  /// Largest residual ÷ scale of the finite ones: a relative threshold τ alarms in them exactly if
  /// it is above τ. Infinite where every τ > 0 alarms: over a scale that is negative, or zero under
  /// a residual. Empty when none differs or none is finite.
  std::optional<double> ratio;
  std::uint64_t cycle = 0;  ///< of that check
  bool nonfinite = false;   ///< some were not finite
};

struct CheckerMeasurement {
  std::uint64_t alarm_cycle = kNever;  ///< first cycle at which the alarm line was read high
  /// There was an alarm, and every check that alarmed was not finite.
  bool alarm_is_nonfinite = false;
  std::vector<RatioMax> ratios;  ///< one per comparison
};

struct Measurement {
  Completion completion = Completion::finished;
  std::uint64_t cycles = 0;  ///< of the run; meaningful when finished
  FaultOutcome fault;
  OutputDifference difference;  ///< meaningful when finished
  /// Cycle at which external memory accepted the first word that differs from the golden output.
  std::uint64_t first_bad_commit_cycle = kNever;
  CodeReads code_reads;                         ///< of protected buffers
  std::vector<CheckerMeasurement> checkers;     ///< configuration order
  std::optional<RecoveryMeasurement> recovery;  ///< with a recovery policy; all else is without
};

/// Fills in the combinations of checkers from their members.
void combine(const Members& members, std::vector<CheckerMeasurement>& checkers);

/// Largest finite magnitude of an output row of raw `words`.
double row_scale(const std::uint32_t* words, std::size_t count, Format format);
/// Takes in a row that differs from its golden one, whose row_scale is `scale`.
void add_changed_row(const std::uint32_t* golden, const std::uint32_t* words, std::size_t count,
                     double scale, Format format, OutputDifference& difference);
/// The same for the errors of a row in float32, exact images of the output format.
void add_changed_row(const RowErrors& errors, double scale, OutputDifference& difference);
/// Residual ÷ scale of a finite check: a relative threshold alarms exactly if it is below this.
double relative_residual(const Check& check);
/// Takes in a check whose inputs differ from the golden run's; of equal ratios the first stays.
void add_changed_check(const Check& check, RatioMax& largest);

}  // namespace attnguard
