// What a campaign's folder does not hold: the fault-free run, made once more.
#pragma once

#include <filesystem>
#include <string>

#include "src/report/chart.h"

namespace attnguard {

struct GoldenRun {
  Json run;  ///< as run.json, with `cost`
  /// Of every checker as a whole (comparison `any`): {checker, fault_class, site_class, factor,
  /// coverage, ci_low, ci_high, alarms, checks}, by checker in ascending order of factor.
  Json roc = Json::array();
  std::string fault_free;  ///< what the alarms of `roc` were counted in
  /// Not empty: why the run could not be made; the rest is empty then.
  std::string problem;
};

/// Of the campaign in `folder`, in a process of its own, as SystemC elaborates once per process.
/// Points of `folder`/roc/roc.csv where `attnguard roc` was called before, with its calibration.
GoldenRun golden_run(const std::filesystem::path& folder);

}  // namespace attnguard
