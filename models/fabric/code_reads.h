// What the decoders of protected memories made of the code words they read.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/fault_injector/fault.h"

namespace attnguard {

/// Reads of code words in error, each counted once. The decoder itself knows of
/// corrected + miscorrected and of detected.
struct CodeReads {
  std::uint64_t corrected = 0;     ///< corrected, to what was written
  std::uint64_t detected = 0;      ///< uncorrectable: passed on as they stand
  std::uint64_t miscorrected = 0;  ///< "corrected" to something else than was written
  std::uint64_t missed = 0;        ///< no error seen, yet not what was written

  CodeReads& operator+=(const CodeReads& other) {
    corrected += other.corrected;
    detected += other.detected;
    miscorrected += other.miscorrected;
    missed += other.missed;
    return *this;
  }
};

/// What decoders report of the reads of one tile: the first cycle of an error they corrected,
/// rightly or not, and of one they could not; all ones without one.
struct CodeErrors {
  std::uint64_t corrected_cycle = ~std::uint64_t{0}, detected_cycle = ~std::uint64_t{0};
  Place place{};  ///< of the tile that was read for, its first row

  bool any() const { return (corrected_cycle & detected_cycle) != ~std::uint64_t{0}; }
  void add(const CodeReads& reads, std::uint64_t cycle) {
    if (reads.corrected + reads.miscorrected > 0)
      corrected_cycle = std::min(corrected_cycle, cycle);
    if (reads.detected > 0) detected_cycle = std::min(detected_cycle, cycle);
  }
};

}  // namespace attnguard
