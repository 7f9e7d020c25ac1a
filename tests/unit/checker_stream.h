// A scripted accelerator for tests of checkers: the observation events of a whole job with
// plausible timing.
//
// Values come from the datapath's kernels, cycles from a small list scheduler (S₀ S₁ PV₀ S₂ PV₁ …
// across query tiles, double-buffered halves). Lanes past the used ones hold NaN. Tests may edit
// the events before they play them.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "models/checksum_unit/checker.h"

namespace attnguard {

struct StreamShape {
  std::uint32_t rows = 4, cols = 4, head_dim = 8;
  std::uint32_t heads = 1, kv_heads = 1, tokens_q = 8, tokens_k = 12;
  bool causal = false, resident = false;
  Format probability = Format::bfloat16, output = Format::bfloat16;
  std::uint32_t read_latency =
      1;  ///< operands leave their buffers so long before they enter the array
  std::uint32_t seed = 1;
  float query_scale = 1, key_scale = 1, value_scale = 1, value_mean = 0;
  std::uint32_t outlier_channels = 0;  ///< of q and k, 20 times as large

  CheckerDimensions dimensions() const;
};

/// Two causal heads whose last tiles are ragged in every dimension.
StreamShape ragged_shape();

struct StreamEvent {
  Observation kind;
  TileContext tile;
  std::vector<float> values;
  std::size_t stride = 0;
  BeatTiming timing;
  std::uint64_t handed_over = 0;  ///< cycle at which the checker is given the event
  bool sums = false;              ///< kScalars: l of the query tile, not alpha

  Observed observed() const { return {tile, values.data(), stride, timing}; }
};

/// The events of the job in the order in which they are handed over.
std::vector<StreamEvent> make_stream(const StreamShape& shape);

/// Gives the checker the events it needs.
void play(const std::vector<StreamEvent>& stream, Checker& checker);

/// Collects checks.
struct CheckList : CheckSink {
  std::vector<Check> checks;
  void checked(const Check& check) override { checks.push_back(check); }
  std::size_t alarms(std::uint32_t comparison) const;
  std::size_t alarms() const;
  double worst_ratio(std::uint32_t comparison) const;  ///< largest residual ÷ scale
};

/// reset, play, and the checks made.
CheckList run_checker(const std::vector<StreamEvent>& stream, Checker& checker, LiveLog& log);
CheckList run_checker(const std::vector<StreamEvent>& stream, Checker& checker);

}  // namespace attnguard
