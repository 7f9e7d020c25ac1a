// Simulated cycles per second of the stepping array and of the module-per-PE array (the tests'
// oracle), from one run, on the pass sequence of attention: one score pass of depth 64, then the
// P·V passes of head_dim 64.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <systemc>
#include <vector>

#include "models/systolic_array/stepping_array.h"
#include "tests/support/pe_array_oracle.h"

namespace attnguard {
namespace {

constexpr std::uint32_t kHeadDim = 64;

class AttentionPasses {
 public:
  AttentionPasses(std::uint32_t size, std::uint32_t key_tiles)
      : operands_(kHeadDim * 128), out_(128 * 128) {
    for (std::size_t n = 0; n < operands_.size(); ++n)
      operands_[n] = 0.5F + static_cast<float>(n * 7 % 64) / 64;
    std::uint64_t edge_free = 0, bus_free = 0;
    const std::uint32_t value_passes = (kHeadDim + size - 1) / size;
    for (std::uint32_t n = 0; n < key_tiles * (1 + value_passes); ++n) {
      ArrayPass pass;
      pass.depth = n % (1 + value_passes) == 0 ? kHeadDim : size;
      pass.start = std::max(edge_free, bus_free > pass.depth ? bus_free - pass.depth : 0);
      edge_free = pass.start + pass.depth;
      bus_free = edge_free + size;
      pass.rows = pass.cols = size;
      pass.west = pass.north = operands_.data();
      pass.west_stride = pass.north_stride = pass.out_stride = size;
      pass.out = out_.data();
      passes.push_back(pass);
    }
  }
  std::uint64_t cycles() const { return passes.back().last_cycle() + 1; }
  double checksum() const {
    double sum = 0;
    for (const float value : out_) sum += value;
    return sum;
  }
  std::vector<ArrayPass> passes;

 private:
  std::vector<float> operands_, out_;
};

double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Repeats `run` for about a second of CPU time; simulated cycles per second of the fastest
// repetition.
template <class Run>
double best_rate(std::uint64_t cycles, const Run& run) {
  double best = 0;
  const double begin = seconds();
  do {
    const double before = seconds();
    run();
    best = std::max(best, static_cast<double>(cycles) / (seconds() - before));
  } while (seconds() - begin < 1.0);
  return best;
}

int compare() {
  constexpr std::uint32_t kSizes[] = {8, 16, 32};
  std::vector<std::unique_ptr<PeArrayOracle>> per_pe;
  for (const std::uint32_t size : kSizes)
    per_pe.push_back(std::make_unique<PeArrayOracle>(size, size));
  std::printf("stepping array on %s; simulated cycles per second of CPU time\n",
              stepping_array_target());
  std::printf("%8s %16s %16s %8s\n", "array", "stepping", "module per PE", "ratio");
  for (std::size_t n = 0; n < per_pe.size(); ++n) {
    const std::uint32_t size = kSizes[n];
    AttentionPasses fast(size, 200), slow(size, 4);
    SteppingArray array(size, size);
    const double stepping = best_rate(fast.cycles(), [&] {
      array.reset();
      for (const ArrayPass& pass : fast.passes) {
        array.advance_to(pass.start);
        array.feed(pass);
      }
      array.advance_to(fast.cycles());
    });
    const double modules = best_rate(slow.cycles(), [&] { per_pe[n]->run(slow.passes); });
    if (fast.checksum() != slow.checksum()) {
      std::fprintf(stderr, "the two arrays disagree\n");
      return 1;
    }
    std::printf("%5ux%-2u %16.3g %16.3g %8.0f\n", size, size, stepping, modules,
                stepping / modules);
  }
  return 0;
}

}  // namespace
}  // namespace attnguard

int sc_main(int, char**) { return attnguard::compare(); }
int main(int argc, char* argv[]) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
