// Random streams of passes for a systolic array, with the operands and results they own.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "models/numerics/format.h"
#include "models/systolic_array/stepping_array.h"

namespace attnguard {

/// Operands are mostly near 1, now and then zero, denormal, huge, infinite or NaN; integers any.
inline float random_operand(std::mt19937& rng, Format format, bool specials) {
  if (format == Format::int8 || format == Format::int32)
    return decode(format, static_cast<std::uint32_t>(rng()));
  const std::uint32_t dice = rng() % 64;
  if (specials && dice == 0) {
    constexpr float kSpecials[] = {0.0F, -0.0F, 1e-40F, 3e38F, -3e38F};
    return round_to(format, kSpecials[rng() % 5]);
  }
  if (specials && dice == 1 && rng() % 32 == 0)
    return round_to(format, rng() % 2 != 0 ? INFINITY : NAN);
  return round_to(format, std::normal_distribution<float>()(rng));
}

class ArrayStream {
 public:
  /// `count` passes of random depth and used lanes (half of them full), as close as the array
  /// allows or with random gaps.
  ArrayStream(std::mt19937& rng, std::uint32_t rows, std::uint32_t cols, std::uint32_t count,
              std::uint32_t max_depth, bool specials) {
    constexpr Format kFormats[] = {Format::bfloat16, Format::float16, Format::float32};
    std::uint64_t edge_free = rng() % 4, bus_free = 0;
    for (std::uint32_t p = 0; p < count; ++p) {
      ArrayPass pass;
      pass.depth = 1 + rng() % max_depth;
      pass.rows = rng() % 2 != 0 ? rows : 1 + rng() % rows;
      pass.cols = rng() % 2 != 0 ? cols : 1 + rng() % cols;
      pass.start = std::max(edge_free, bus_free > pass.depth ? bus_free - pass.depth : 0);
      if (rng() % 4 == 0) pass.start += rng() % (rows + cols + 4);
      edge_free = pass.start + pass.depth;
      bus_free = edge_free + rows;
      pass.west_format = kFormats[rng() % 3];
      pass.north_format = kFormats[rng() % 3];
      if (rng() % 4 == 0) pass.west_format = pass.north_format = Format::int8;
      pass.west_stride = rows + rng() % 3;
      pass.north_stride = cols + rng() % 3;
      pass.out_stride = rows + rng() % 3;
      pass.base = {static_cast<std::int32_t>(p), static_cast<std::int32_t>(100 * p),
                   static_cast<std::int32_t>(p + 7)};
      pass.west = own(pass.depth * pass.west_stride);
      pass.north = own(pass.depth * pass.north_stride);
      for (float& value : *(buffers_.end()[-2]))
        value = random_operand(rng, pass.west_format, specials);
      for (float& value : *buffers_.back())
        value = random_operand(rng, pass.north_format, specials);
      passes_.push_back(pass);
      outputs_.emplace_back(cols * pass.out_stride, kUntouched);
      passes_.back().out = outputs_.back().data();
    }
  }

  static constexpr float kUntouched = -12345.0F;

  const std::vector<ArrayPass>& passes() const { return passes_; }
  std::uint64_t last_cycle() const {
    std::uint64_t last = 0;
    for (const ArrayPass& pass : passes_) last = std::max(last, pass.last_cycle());
    return last;
  }
  /// The results so far, one buffer per pass; they are then set back to untouched.
  std::vector<std::vector<float>> take_outputs() {
    const auto taken = outputs_;
    for (auto& output : outputs_) std::fill(output.begin(), output.end(), kUntouched);
    return taken;
  }

 private:
  float* own(std::size_t size) {
    return buffers_.emplace_back(std::make_unique<std::vector<float>>(size))->data();
  }
  std::vector<std::unique_ptr<std::vector<float>>> buffers_;
  std::vector<std::vector<float>> outputs_;
  std::vector<ArrayPass> passes_;
};

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace attnguard
