// A grid over configuration keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
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

/// All points are prepared before the first one runs, with a value for every key.
inline constexpr std::size_t kMostSweptKeys = 100, kMostSweepPoints = 10'000;

/// Dotted key -> value, in order.
using KeyValues = std::vector<std::pair<std::string, nlohmann::ordered_json>>;

struct SweepConfig {
  std::vector<SweepAxis> grid;
  std::vector<std::vector<std::string>> linked;
  SweepMode mode = SweepMode::run;
  std::optional<KeyValues> audit_point;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"grid", "dotted key -> list of values; the last key varies fastest"}, self.grid);
    v(FieldSpec{"linked", "groups of grid keys whose lists are zipped instead of crossed"},
      self.linked);
    v(FieldSpec{"mode", "what every point is: a fault-free run or a fault campaign"}, self.mode);
    v(FieldSpec{"audit_point",
                "grid key -> value of the one point whose campaign is audited; absent: all are"},
      self.audit_point);
  }
};

}  // namespace attnguard
