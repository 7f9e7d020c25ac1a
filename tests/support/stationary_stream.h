// Random streams of folds for a stationary array, with the operands and results they own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "models/systolic_array/stationary_array.h"
#include "tests/support/array_stream.h"

namespace attnguard {

class StationaryStream {
 public:
  static constexpr float kUntouched = ArrayStream::kUntouched;

  /// `count` folds of random steps and used lanes (half of them full), as close as the array allows
  /// or with random gaps. About half carry on the sums of the fold before, in place or not.
  StationaryStream(std::mt19937& rng, std::uint32_t rows, std::uint32_t cols, std::uint32_t count,
                   std::uint32_t max_steps, bool specials) {
    std::uint64_t preload_free = rng() % 4, feed_free = 0;
    for (std::uint32_t f = 0; f < count; ++f) {
      const bool chained = f > 0 && rng() % 2 == 0;
      StationaryFold fold;
      if (chained) {
        fold = folds_.back();
      } else {
        fold.steps = 1 + rng() % max_steps;
        fold.cols = rng() % 2 != 0 ? cols : 1 + rng() % cols;
        const bool step_fastest = rng() % 2 != 0;
        fold.step_stride = step_fastest ? 1 : fold.cols + rng() % 3;
        fold.col_stride = step_fastest ? fold.steps + rng() % 3 : 1;
        fold.steps_are_rows = rng() % 2 != 0;
        constexpr Format kFormats[] = {Format::bfloat16, Format::float16, Format::float32,
                                       Format::int8};
        fold.stationary_format = kFormats[rng() % 4];
        fold.moving_format =
            fold.stationary_format == Format::int8 ? Format::int8 : kFormats[rng() % 3];
      }
      fold.rows = rng() % 2 != 0 ? rows : 1 + rng() % rows;
      fold.base = {static_cast<std::int32_t>(f), static_cast<std::int32_t>(100 * f),
                   static_cast<std::int32_t>(f + 7)};
      fold.stationary_stride = fold.cols + rng() % 3;
      fold.moving_stride = fold.steps + rng() % 3;
      fold.stationary =
          operands(rng, fold.rows * fold.stationary_stride, fold.stationary_format, specials);
      fold.moving = operands(rng, fold.rows * fold.moving_stride, fold.moving_format, specials);
      const std::size_t size =
          (fold.steps - 1) * fold.step_stride + (fold.cols - 1) * fold.col_stride + 1;
      fold.sums = nullptr;
      if (chained) {
        fold.sums = fold.out;
      } else if (rng() % 4 == 0) {  // sums from elsewhere
        fold.sums = operands(rng, size, fold.sum_format(), specials);
      }
      if (!chained || rng() % 2 == 0) {
        buffers_.push_back(std::make_unique<std::vector<float>>(size, kUntouched));
        outputs_.push_back(buffers_.back().get());
        fold.out = outputs_.back()->data();
      }
      fold.preload = preload_free + (rng() % 3 == 0 ? rng() % (rows + cols) : 0);
      fold.start = std::max(fold.preload + fold.rows, feed_free);
      if (chained) fold.start = std::max(fold.start, folds_.back().start + rows + 1);
      if (rng() % 4 == 0) fold.start += rng() % (rows + cols + 4);
      preload_free = fold.start;
      feed_free = fold.start + fold.steps;
      last_cycle_ = std::max(last_cycle_, fold.start + fold.steps + rows + fold.cols - 1);
      folds_.push_back(fold);
    }
  }

  const std::vector<StationaryFold>& folds() const { return folds_; }
  std::uint64_t last_cycle() const { return last_cycle_; }
  /// The results so far, one buffer per chain or part of it; they are then set back to untouched.
  std::vector<std::vector<float>> take_outputs() {
    std::vector<std::vector<float>> taken;
    for (std::vector<float>* output : outputs_) {
      taken.push_back(*output);
      std::fill(output->begin(), output->end(), kUntouched);
    }
    return taken;
  }

 private:
  const float* operands(std::mt19937& rng, std::size_t size, Format format, bool specials) {
    buffers_.push_back(std::make_unique<std::vector<float>>(size));
    for (float& value : *buffers_.back()) value = random_operand(rng, format, specials);
    return buffers_.back()->data();
  }
  std::vector<std::unique_ptr<std::vector<float>>> buffers_;
  std::vector<std::vector<float>*> outputs_;
  std::vector<StationaryFold> folds_;
  std::uint64_t last_cycle_ = 0;
};

}  // namespace attnguard
