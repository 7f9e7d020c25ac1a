// The accelerator in a SystemC program of your own: attnguard::models alone, no configuration file,
// no campaign. It computes one small attention layer and prints its cycles and one output value.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <systemc>
#include <vector>

#include "models/accelerator/accelerator.h"
#include "models/accelerator/attention_job.h"
#include "models/numerics/format.h"

using namespace attnguard;

int sc_main(int, char**) {
  AcceleratorConfig config;
  config.array.rows = 4;
  config.array.cols = 4;

  AttentionJob job;
  job.shape.tokens_q = job.shape.tokens_k = 8;
  job.shape.head_dim = 8;
  job.shape.mask = Mask::causal;
  job.shape.scale = 1 / std::sqrt(8.0F);
  // All keys are alike, so a query weighs those it sees alike; V[token][*] = token.
  job.q.assign(8 * 8, 1.0F);
  job.k.assign(8 * 8, 1.0F);
  for (int token = 0; token < 8; ++token) job.v.insert(job.v.end(), 8, static_cast<float>(token));

  constexpr bool kInterposers = false;
  Accelerator accelerator("accelerator", config, {}, job.shape, kInterposers, {}, {});
  accelerator.memory().load(job);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);  // every process runs up to its first wait
  accelerator.reset();
  accelerator.start(false);
  sc_core::sc_start(accelerator.clock().until(1000000), sc_core::SC_EXIT_ON_STARVATION);
  if (!accelerator.sequencer().finished()) return EXIT_FAILURE;

  const std::vector<std::uint32_t> output = accelerator.memory().output();  // bfloat16 bits
  std::printf("cycles %llu\n",
              static_cast<unsigned long long>(accelerator.sequencer().finish_cycle()));
  std::printf("last output %g\n", decode(config.formats.output, output.back()));
  return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
