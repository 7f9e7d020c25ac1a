// Rates of the tile kernels alone (Google Benchmark). Sizes: rows = columns = first argument, head_dim = second.
#include <benchmark/benchmark.h>

#include "models/numerics/kernels.h"
#include "models/numerics/lane_tile.h"

namespace attnguard {
namespace {

void matmul_tile_rate(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0)), depth = static_cast<std::size_t>(state.range(1));
  const std::size_t stride = lane_stride(rows);
  const LaneTile west(depth * stride, 1.25F), north(depth * rows, 0.75F);
  LaneTile out(rows * stride);
  for (auto _ : state) {
    matmul_tile(west.data(), north.data(), out.data(), depth, rows, stride, stride, rows);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["multiply_adds"] =
      benchmark::Counter(static_cast<double>(rows * rows * depth), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(matmul_tile_rate)->Args({16, 64})->Args({32, 128})->Args({64, 64});

void softmax_tile_rate(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const std::size_t stride = lane_stride(rows);
  const LaneTile score(rows * stride, 0.5F), max_old(stride, 0.25F);
  LaneTile max_new(stride), alpha(stride), sum(stride), probability(rows * stride);
  const AlignedVector<std::int32_t> visible(stride, static_cast<std::int32_t>(rows));
  for (auto _ : state) {
    softmax_max(score.data(), visible.data(), 0.18F, max_old.data(), max_new.data(), rows, stride, stride);
    softmax_exp(score.data(), visible.data(), 0.18F, Exp2Kind::polynomial, Format::bfloat16, false, max_old.data(),
                max_new.data(), alpha.data(), probability.data(), rows, stride, stride);
    softmax_sum(probability.data(), alpha.data(), sum.data(), rows, stride, stride);
    benchmark::DoNotOptimize(sum.data());
  }
  state.counters["probabilities"] =
      benchmark::Counter(static_cast<double>(rows * rows), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(softmax_tile_rate)->Arg(16)->Arg(32)->Arg(64);

}  // namespace
}  // namespace attnguard

// Linked with the models, so libsystemc would supply its own main.
int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

