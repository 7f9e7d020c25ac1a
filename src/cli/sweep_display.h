// What sweep and merge tell of the points of a sweep.
#pragma once

#include <string>
#include <vector>

#include "src/cli/progress.h"
#include "src/sweep/sweep.h"

namespace attnguard {

/// A line for every finished point, and how far the rest is. Must outlive the options.
class SweepDisplay {
 public:
  void attach(SweepOptions& options);
  void clear_line() { injections_.clear_line(); }

 private:
  std::string running_text(const SweepProgress& now) const;

  std::vector<SweepPoint> points_;
  Progress finished_{"points"}, injections_{"injections"};
};

/// The files of a whole sweep.
void print_sweep_written(const std::string& folder, SweepMode mode);

}  // namespace attnguard
