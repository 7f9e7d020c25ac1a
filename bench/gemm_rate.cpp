// A plain product through the whole simulator, values computed, at both fidelities: CPU time of elaboration, packing of the operands
// and one run, against what SCALE-Sim v2 takes for the cycle count alone. Each repetition is a process of its own; medians.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <systemc>
#include <vector>

#include "bench/measure.h"
#include "src/simulation/simulation.h"

using namespace attnguard;

namespace {

/// CPU seconds of SCALE-Sim v2 for 512³ on 16 × 16, output-stationary, one shared core; it computes no values.
constexpr double kScaleSimSeconds = 75;

struct Timed {
  double seconds = 0;
  std::uint64_t cycles = 0;
};

Timed time_in_child(const AcceleratorConfig& accelerator, const GemmJob& job) {
  int answer[2];
  if (::pipe(answer) != 0) std::abort();
  const pid_t pid = ::fork();
  if (pid == 0) {
    Timed timed;
    timed.seconds = cpu_seconds(1, [&] {
      Simulation simulation(accelerator, {}, job, false);
      timed.cycles = simulation.run().counted_cycles();
    });
    const bool told = ::write(answer[1], &timed, sizeof timed) == sizeof timed;
    ::_exit(told ? 0 : 1);
  }
  Timed timed;
  if (::read(answer[0], &timed, sizeof timed) != sizeof timed) std::abort();
  ::waitpid(pid, nullptr, 0);
  ::close(answer[0]);
  ::close(answer[1]);
  return timed;
}

}  // namespace

int sc_main(int argc, char** argv) {
  const auto argument = [&](int i, unsigned fallback) {
    return argc > i ? static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10)) : fallback;
  };
  const std::uint32_t size = argument(1, 512), array = argument(2, 16);
  GemmJob job;
  job.shape = {size, size, size};
  const AttentionJob noise = bench_job(size, size);
  job.a = noise.q;
  job.b = noise.k;
  AcceleratorConfig accelerator;
  accelerator.array.rows = accelerator.array.cols = array;
  accelerator.array.fold_policy = FoldPolicy::serial_full;
  accelerator.formats.output = Format::float32;
  for (const Fidelity fidelity : {Fidelity::transaction, Fidelity::cycle}) {
    accelerator.fidelity = fidelity;
    const int repetitions = fidelity == Fidelity::transaction ? 21 : 5;
    std::vector<double> seconds;
    std::uint64_t cycles = 0;
    for (int i = 0; i < repetitions; ++i) {
      const Timed timed = time_in_child(accelerator, job);
      seconds.push_back(timed.seconds);
      cycles = timed.cycles;
    }
    const double taken = median(seconds);
    const auto macs = static_cast<double>(job.shape.macs());
    fmt::print("{0}^3 on {1}x{1}, output-stationary, {2}: {3} cycles in {4:.4f} CPU s, {5:.2e} cycles/s, {6:.2e} MAC/s", size, array,
               enum_name(fidelity), cycles, taken, static_cast<double>(cycles) / taken, macs / taken);
    if (size == 512 && array == 16) fmt::print("; SCALE-Sim v2 {} CPU s: {:.0f} x", kScaleSimSeconds, kScaleSimSeconds / taken);
    fmt::print("\n");
  }
  return 0;
}

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
