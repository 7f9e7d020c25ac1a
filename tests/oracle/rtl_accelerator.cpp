#include "tests/oracle/rtl_accelerator.h"

#include <Vaccelerator.h>
#include <verilated.h>

#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "models/accelerator/job_layout.h"
#include "models/numerics/format.h"

namespace attnguard {
namespace {

/// In the order of site_t in rtl/types.sv, which starts with NO_SITE.
constexpr std::array<std::string_view, 27> kSites{"array.pe[*][*].west",
                                                  "array.pe[*][*].north",
                                                  "array.pe[*][*].acc",
                                                  "array.pe[*][*].drain",
                                                  "array.probability[*][*][*]",
                                                  "softmax.score[*]",
                                                  "softmax.row[*].max",
                                                  "softmax.row[*].alpha",
                                                  "softmax.probability[*]",
                                                  "softmax.row[*].sum",
                                                  "accumulator.row[*].alpha[*]",
                                                  "accumulator.row[*].sum[*]",
                                                  "accumulator.partial[*]",
                                                  "accumulator.row[*].acc[*]",
                                                  "accumulator.row[*].reciprocal",
                                                  "accumulator.output[*]",
                                                  "checksum.merged.row_sum[*]",
                                                  "checksum.merged.row_weight[*]",
                                                  "checksum.merged.row[*].sum",
                                                  "checksum.merged.row[*].weight",
                                                  "checksum.merged.row[*].alpha[*]",
                                                  "checksum.merged.row[*].denominator[*]",
                                                  "q_buffer.word[*]",
                                                  "k_buffer.word[*]",
                                                  "v_buffer.word[*]",
                                                  "o_buffer.word[*]",
                                                  "line.alarm.merged"};

constexpr std::uint64_t kLongestRun = 10000;

}  // namespace

AttentionShape rtl_shape(Mask mask) {
  AttentionShape shape;
  shape.tokens_q = 7;
  shape.tokens_k = 10;
  shape.head_dim = 6;
  shape.mask = mask;
  shape.scale = 1.0F / std::sqrt(6.0F);
  return shape;
}

AcceleratorConfig rtl_configuration() {
  AcceleratorConfig config;
  config.fidelity = Fidelity::cycle;
  config.array = {3, 4, Dataflow::output_stationary};
  config.external_memory.latency_cycles = 7;
  // Two halves, each for a tile of Q or O, or for all of K or V.
  const JobLayout layout(config, rtl_shape(Mask::none));
  const auto words = [](std::uint64_t half_bytes) {
    return static_cast<std::uint32_t>(half_bytes);
  };
  config.buffers.q.words = words(layout.q_tile_bytes);
  config.buffers.k.words = words(layout.key_tiles * layout.k_tile_bytes);
  config.buffers.v.words = words(layout.key_tiles * layout.v_tile_bytes);
  config.buffers.o.words = words(layout.o_tile_bytes);
  return config;
}

std::optional<std::uint8_t> rtl_site(std::string_view site_class) {
  for (std::size_t i = 0; i < kSites.size(); ++i)
    if (kSites[i] == site_class) return static_cast<std::uint8_t>(i + 1);
  return std::nullopt;
}

std::size_t rtl_sites() { return kSites.size(); }

struct RtlAccelerator::Impl {
  VerilatedContext context;
  Vaccelerator model{&context};

  void clock() {
    model.clk = 0;
    model.eval();
    model.clk = 1;
    model.eval();
  }
  void poke(int tensor, const std::vector<float>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      model.poke = 1;
      model.poke_tensor = static_cast<std::uint8_t>(tensor);
      model.poke_index = static_cast<std::uint16_t>(i);
      model.poke_value = static_cast<std::uint16_t>(encode(Format::bfloat16, values[i]));
      clock();
    }
    model.poke = 0;
  }
};

RtlAccelerator::RtlAccelerator(const AttentionJob& job) : impl_(std::make_unique<Impl>()) {
  Vaccelerator& model = impl_->model;
  model.reset = 1;
  model.causal = job.shape.mask == Mask::causal ? 1 : 0;
  const auto scale = static_cast<float>(static_cast<double>(job.shape.scale) * 1.4426950408889634);
  std::memcpy(&model.softmax_scale, &scale, sizeof scale);
  impl_->poke(0, job.q);
  impl_->poke(1, job.k);
  impl_->poke(2, job.v);
}

RtlAccelerator::~RtlAccelerator() { impl_->model.final(); }

RtlRun RtlAccelerator::run(const RtlFlip& flip) {
  Vaccelerator& model = impl_->model;
  const AttentionShape shape = rtl_shape(Mask::none);
  RtlRun run;
  run.output.resize(std::size_t{shape.tokens_q} * shape.head_dim);
  run.committed.resize(run.output.size(), RtlRun::kNever);
  model.reset = 1;
  impl_->clock();
  model.reset = 0;
  model.fault_site = flip.site;
  model.fault_index = flip.index;
  model.fault_mask = flip.mask;
  model.fault_cycle = flip.cycle;
  // What crosses in a cycle is looked at before the edge that ends it. After the last store the
  // last comparisons are still to come, and the flip of an alarm line.
  for (std::uint64_t cycle = 0; run.checks.size() < shape.tokens_q || !model.finished ||
                                (flip.site != 0 && cycle <= std::uint64_t{flip.cycle} + 1);
       ++cycle) {
    model.clk = 0;
    model.eval();
    if (model.cycle != cycle) throw std::logic_error("cycle counters differ");
    if (cycle == kLongestRun) throw std::runtime_error("the Verilog does not finish");
    for (std::size_t j = 0; j < std::size(model.committed); ++j)
      if (model.committed[j]) {
        run.output[model.commit_index[j]] = model.commit_value[j];
        run.committed[model.commit_index[j]] = cycle;
      }
    if (model.checked)
      run.checks.push_back({model.query_row, static_cast<std::uint32_t>(cycle), model.left,
                            model.right, model.residual, model.scale, model.alarmed != 0});
    if (model.alarm_line && run.alarm_cycle == RtlRun::kNever) run.alarm_cycle = cycle;
    model.clk = 1;
    model.eval();
  }
  model.clk = 0;
  model.eval();
  if (model.alarm_line && run.alarm_cycle == RtlRun::kNever) run.alarm_cycle = model.cycle;
  run.cycles = model.finish_cycle;
  return run;
}

}  // namespace attnguard
