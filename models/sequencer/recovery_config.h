// Configuration of recovery: what an alarm makes the accelerator do.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/fabric/field.h"

namespace attnguard {

/// What is done again when a checker alarms.
enum class RecoveryPolicy : std::uint8_t {
  none,
  recompute_query_block,  ///< the query tile of the check, with all its key tiles
  recompute_tile,         ///< the key tile of the check, if it is of one; else the query tile
  recompute_head,         ///< the query head of the check
  correct,                ///< nothing: values that a checker located are put right
};

template <>
struct EnumNames<RecoveryPolicy> {
  static constexpr std::array<std::pair<RecoveryPolicy, std::string_view>, 5> names{
      {{RecoveryPolicy::none, "none"},
       {RecoveryPolicy::recompute_query_block, "recompute_query_block"},
       {RecoveryPolicy::recompute_tile, "recompute_tile"},
       {RecoveryPolicy::recompute_head, "recompute_head"},
       {RecoveryPolicy::correct, "correct"}}};
};

struct RecoveryConfig {
  RecoveryPolicy policy = RecoveryPolicy::none;
  std::uint32_t retries = 1;       ///< of one unit of work
  std::uint32_t abort_cycles = 4;  ///< alarm line read high to the first command of the work redone
  std::uint32_t checkpoints = 2;   ///< key tiles that can be gone back to
  std::optional<std::vector<std::string>> checkers;  ///< whose lines interrupt; all without

  bool enabled() const { return policy != RecoveryPolicy::none; }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"policy",
                "what an alarm makes the accelerator do again; correct: nothing, the values that "
                "an attnchecker located are put right"},
      self.policy);
    v(FieldSpec{"retries", "times one unit of work is done again before it is left as it is", 1,
                1000},
      self.retries);
    v(
        FieldSpec{
            "abort_cycles",
            "alarm line read high to the first command of the work redone; meanwhile every unit "
            "drops what is in flight",
            1, 100000},
        self.abort_cycles);
    v(
        FieldSpec{
            "checkpoints",
            "recompute_tile: key tiles of the query tile in work whose beginning can be gone back "
            "to, the one after the last accumulated among them",
            1, 1000},
        self.checkpoints);
    v(FieldSpec{"checkers", "names of the checkers whose alarm interrupts; all if not given"},
      self.checkers);
  }
};

}  // namespace attnguard
