// What a register class is to the differential engine.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/fault_injector/fault.h"
#include "models/fault_injector/fault_universe.h"

namespace attnguard {

enum class SiteKind : std::uint8_t {
  q_word,
  k_word,
  v_word,
  o_word,
  q_check,
  k_check,
  v_check,
  o_check,
  array_west,
  array_north,
  array_acc,
  array_drain,
  array_probability,
  softmax,
  accumulator,
  load_link,  ///< external memory to dma: any operand
  q_load_link,
  k_load_link,
  v_load_link,
  q_read_link,
  k_read_link,
  v_read_link,
  score_link,
  probability_link,
  scalar_link,
  partial_link,
  output_link,
  stored_link,
  commit_link,
  q_observation,
  k_observation,
  v_observation,
  array_observation,
  softmax_observation,
  accumulator_observation,
  checker,
  alarm_line,
  control,  ///< changes control or time: told from the golden schedule, or by a complete run
  unknown,
};

SiteKind site_kind(const RegisterClass& cls);
std::vector<SiteKind> site_kinds(const FaultUniverse& universe);

/// What resolves faults in the class when the campaign's engine is `differential`: "differential",
/// "full", or "differential, full" where it depends on the cycle, or in protected buffers on the
/// bits.
std::string_view engine_of(const RegisterClass& cls);
/// The same by what a run is injected with: `differential` where that is up to the site class.
std::string_view engine_of(FaultModel model);

}  // namespace attnguard
