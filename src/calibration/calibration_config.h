// Configuration of a calibration: on which fault-free data, and for which false-alarm rates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "models/fabric/field.h"

namespace attnguard {

/// seeds: inferences with tensors drawn from fresh seeds; heads: the kv heads of one inference.
enum class CalibrationSplit : std::uint8_t { seeds, heads };
template <>
struct EnumNames<CalibrationSplit> {
  static constexpr std::array<std::pair<CalibrationSplit, std::string_view>, 2> names{
      {{CalibrationSplit::seeds, "seeds"}, {CalibrationSplit::heads, "heads"}}};
};

struct CalibrationConfig {
  std::optional<CalibrationSplit> split;
  std::optional<std::uint32_t> inferences;  ///< 1000 if absent
  double rate_per_check = 1e-4;
  double rate_per_inference = 0.01;
  double confidence = 0.95;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"split",
                "what is divided between calibration and evaluation; seeds: inferences on tensors "
                "drawn from fresh seeds; heads: the kv heads of the configured tensors; without it "
                "seeds for synthetic tensors, heads for given ones"},
      self.split);
    v(FieldSpec{"inferences",
                "fault-free inferences of `seeds`, 1000 if absent; the second half evaluates", 2,
                1e7},
      self.inferences);
    v(FieldSpec{"rate_per_check", "most false alarms per check; 1: any", 1e-12, 1.0},
      self.rate_per_check);
    v(FieldSpec{"rate_per_inference", "largest share of inferences with a false alarm; 1: any",
                1e-12, 1.0},
      self.rate_per_inference);
    v(FieldSpec{"confidence", "of every bound, one-sided", 0.5, 0.9999}, self.confidence);
  }
};

}  // namespace attnguard
