// What SystemC and TLM cost: the whole simulator, `transaction`, no checkers, against a plain SIMD attention kernel with the
// same arithmetic (plain_attention.h). One size per process, as SystemC elaborates once.
// usage: simulator_overhead ROWS COLS TOKENS HEAD_DIM
#include <fmt/format.h>

#include <cstdlib>
#include <systemc>

#include "bench/measure.h"
#include "bench/plain_attention.h"
#include "src/simulation/simulation.h"

using namespace attnguard;

int sc_main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: simulator_overhead ROWS COLS TOKENS HEAD_DIM\n");
    return 2;
  }
  AcceleratorConfig config;
  config.array.rows = static_cast<std::uint32_t>(std::atoi(argv[1]));
  config.array.cols = static_cast<std::uint32_t>(std::atoi(argv[2]));
  const AttentionJob job = bench_job(static_cast<std::uint32_t>(std::atoi(argv[3])),
                                     static_cast<std::uint32_t>(std::atoi(argv[4])));
  Simulation simulation(config, {}, job, /*interposers=*/false);
  PlainAttention plain(job, config.array.rows, config.array.cols, config.formats, config.softmax.exp2);

  const RunResult result = simulation.run();
  const std::vector<float>& output = plain.compute();
  for (std::size_t i = 0; i < output.size(); ++i)
    if (encode(config.formats.output, output[i]) != result.output[i]) {
      fmt::print(stderr, "outputs differ at {}\n", i);
      return 3;
    }

  constexpr int kRepeat = 10, kPairs = 21;
  std::vector<double> ratios, simulated, direct;
  for (int pair = 0; pair < kPairs; ++pair) {
    simulated.push_back(cpu_seconds(kRepeat, [&] { simulation.run(); }) / kRepeat);
    direct.push_back(cpu_seconds(kRepeat, [&] { plain.compute(); }) / kRepeat);
    ratios.push_back(simulated.back() / direct.back());
  }
  fmt::print("{}x{}, {} tokens, d={}: simulator {:.3f} ms ({:.3g} cycles/s), plain kernel {:.3f} ms, ratio {:.2f}\n",
             config.array.rows, config.array.cols, job.shape.tokens_q, job.shape.head_dim, 1e3 * median(simulated),
             static_cast<double>(result.cycles) / median(simulated), 1e3 * median(direct), median(ratios));
  return 0;
}

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
