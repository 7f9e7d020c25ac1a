// Recovery policy `correct`: values that checkers located are put right as they leave the array.
//
// Nothing is interrupted or done again. Not modelled: the cycles that a correction takes; the
// checker sees a product whole before its rows go on, which hardware would have to hold them for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/checksum_unit/checksum_unit.h"
#include "models/sequencer/recovery_core.h"

namespace attnguard {

class ValueCorrection {
 public:
  /// `checkers`: the guards whose corrections are written.
  ValueCorrection(ChecksumUnit& checksum, const std::vector<std::size_t>& checkers) {
    for (const std::size_t checker : checkers) guards_.push_back(checksum.guards()[checker].get());
  }

  /// Start of a job.
  void start() {
    tiles_ = 0;
    for (const ChecksumUnit::Guard* guard : guards_) guard->checker->take_corrections();
  }
  /// Of the product [column][stride], lane = row, that the checkers have just observed.
  void apply(float* values, std::size_t stride) {
    bool written = false;
    for (const ChecksumUnit::Guard* guard : guards_)
      for (const Correction& correction : guard->checker->take_corrections()) {
        values[correction.column * stride + correction.row] = correction.value;
        written = true;
      }
    tiles_ += written ? 1 : 0;
  }
  /// Of the job that has ended.
  RecoveryResult result() const {
    RecoveryResult result;
    result.retries = tiles_;
    for (const ChecksumUnit::Guard* guard : guards_)
      result.alarm_cycle = std::min(result.alarm_cycle, guard->alarm_cycle);
    if (tiles_ > 0) result.recovered_cycle = result.alarm_cycle;
    return result;
  }

 private:
  std::vector<ChecksumUnit::Guard*> guards_;
  std::uint32_t tiles_ = 0;  ///< products in which something was written
};

}  // namespace attnguard
