// A grid over configuration keys.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/fabric/field.h"

namespace attnguard {

enum class SweepMode : std::uint8_t { run, campaign };
template <>
struct EnumNames<SweepMode> {
  static constexpr std::array<std::pair<SweepMode, std::string_view>, 2> names{
      {{SweepMode::run, "run"}, {SweepMode::campaign, "campaign"}}};
};

/// One swept key: its dotted path and the values it takes, in order.
struct SweepAxis {
  std::string key;
  std::vector<nlohmann::ordered_json> values;
};

struct SweepConfig {
  std::vector<SweepAxis> grid;
  std::vector<std::vector<std::string>> linked;
  SweepMode mode = SweepMode::run;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"grid", "dotted key -> list of values; the last key varies fastest"}, self.grid);
    v(FieldSpec{"linked", "groups of grid keys that step together instead of being crossed"},
      self.linked);
    v(FieldSpec{"mode", "what every point is: a fault-free run or a fault campaign"}, self.mode);
  }
};

}  // namespace attnguard
