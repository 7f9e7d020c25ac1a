// What recovery made of one injection.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "models/fabric/field.h"

namespace attnguard {

enum class RecoveryOutcome : std::uint8_t {
  none,         ///< no alarm that interrupts; or unknown, of an injection that failed
  recovered,    ///< work was done again, no unit ran out of retries, output as in the golden run
  exhausted,    ///< a unit of work alarmed again after its last retry
  failed,       ///< work was done again and passed its checks, yet the output is not the golden one
  too_late,     ///< the alarm came when the job was over
  not_located,  ///< policy correct: nothing was written, as no single row was found in error
  hang,         ///< the run in which alarms interrupt did not finish
  crash,        ///< a unit answered with an error in it
};

template <>
struct EnumNames<RecoveryOutcome> {
  static constexpr std::array<std::pair<RecoveryOutcome, std::string_view>, 8> names{
      {{RecoveryOutcome::none, ""},
       {RecoveryOutcome::recovered, "recovered"},
       {RecoveryOutcome::exhausted, "exhausted"},
       {RecoveryOutcome::failed, "failed"},
       {RecoveryOutcome::too_late, "too_late"},
       {RecoveryOutcome::not_located, "not_located"},
       {RecoveryOutcome::hang, "hang"},
       {RecoveryOutcome::crash, "crash"}}};
};

struct RecoveryMeasurement {
  RecoveryOutcome outcome = RecoveryOutcome::none;
  std::uint32_t retries = 0;
  std::int64_t extra_cycles = 0;        ///< than the golden run; meaningful when the run finished
  std::uint64_t cycles_to_recover = 0;  ///< meaningful when recovered
  /// Of the output against the golden one; meaningful when the run finished.
  std::uint64_t changed_values = 0;
  double max_row_error = 0;  ///< as in OutputDifference

  bool finished() const {
    return outcome != RecoveryOutcome::none && outcome != RecoveryOutcome::hang &&
           outcome != RecoveryOutcome::crash;
  }
};

}  // namespace attnguard
