// The whole configuration of the tool, one member per top-level key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/checksum_unit/checker_config.h"
#include "models/sequencer/recovery_config.h"
#include "src/calibration/calibration_config.h"
#include "src/campaign/campaign_config.h"
#include "src/sweep/sweep_config.h"
#include "src/workload/workload_config.h"

namespace attnguard {

struct Config {
  std::uint64_t seed = 1;
  AcceleratorConfig accelerator;
  std::vector<CheckerConfig>
      checkers;  ///< in the order of the file, combinations last; names are unique
  WorkloadConfig workload;
  std::optional<RecoveryConfig> recovery;  ///< none: no alarm interrupts
  CampaignConfig campaign;
  CalibrationConfig calibration;
  SweepConfig sweep;
  std::optional<std::string> technology;  ///< file of constants; none: the built-in 28 nm

  /// As configured; else seeds for synthetic tensors, heads for given ones.
  CalibrationSplit calibration_split() const {
    return calibration.split.value_or(workload.q ? CalibrationSplit::heads
                                                 : CalibrationSplit::seeds);
  }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"seed", "of synthetic tensors and of fault sampling"}, self.seed);
    v(FieldSpec{"accelerator", "the modelled hardware"}, self.accelerator);
    v(FieldSpec{"checkers", "name -> checker; every checker watches the same run"}, self.checkers);
    v(FieldSpec{"workload", "what is computed", 0, 0, true}, self.workload);
    v(FieldSpec{"recovery", "what an alarm makes the accelerator do; nothing without"},
      self.recovery);
    v(FieldSpec{"campaign", "which faults are injected"}, self.campaign);
    v(FieldSpec{"calibration", "which false-alarm rates thresholds are calibrated for"},
      self.calibration);
    v(FieldSpec{"sweep", "which keys the sweep command varies"}, self.sweep);
    v(FieldSpec{"technology",
                "file with the constants of energy and area (docs/cost.md); absent: the built-in "
                "28 nm, as in configs/technology/28nm.json"},
      self.technology);
  }
};

}  // namespace attnguard
