#include "tests/oracle/rtl_accelerator.h"

#include <Vaccelerator.h>
#include <verilated.h>

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "models/accelerator/job_layout.h"
#include "models/numerics/format.h"

namespace attnguard {
namespace {

/// In the order of site_t in rtl/types.sv, which starts with NO_SITE.
constexpr std::string_view kSites[] = {"array.pe[*][*].west",
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
                                       "line.alarm.merged",
                                       "link.external_memory_to_dma.data",
                                       "link.dma_to_q_buffer.data",
                                       "link.dma_to_k_buffer.data",
                                       "link.dma_to_v_buffer.data",
                                       "link.q_buffer_to_array.data",
                                       "link.k_buffer_to_array.data",
                                       "link.v_buffer_to_array.data",
                                       "link.array_to_softmax.data",
                                       "link.softmax_to_array.data",
                                       "link.softmax_to_accumulator.data",
                                       "link.array_to_accumulator.data",
                                       "link.accumulator_to_o_buffer.data",
                                       "link.o_buffer_to_dma.data",
                                       "link.dma_to_external_memory.data",
                                       "link.v_buffer_to_checksum.data",
                                       "link.array_to_checksum.data",
                                       "link.softmax_to_checksum.data",
                                       "link.accumulator_to_checksum.data"};

/// As effect_t in rtl/types.sv.
enum Effect : std::uint8_t { kFlip, kSet, kClear, kPlus, kMinus };

constexpr std::uint64_t kLongestRun = 10000;

std::optional<Effect> effect_of(const FaultBehaviour& how) {
  switch (how.model) {
    case FaultModel::bit_flip:
      return kFlip;
    case FaultModel::stuck_at_0:
      return kClear;
    case FaultModel::stuck_at_1:
      return kSet;
    case FaultModel::intermittent:
      return how.value ? kSet : kClear;
    case FaultModel::carry:
      return how.missing ? kMinus : kPlus;
    default:
      return std::nullopt;
  }
}

}  // namespace

AttentionShape rtl_shape(Mask mask) {
  AttentionShape shape;
  shape.heads = RTL_HEADS;
  shape.kv_heads = RTL_KV_HEADS;
  shape.tokens_q = RTL_TOKENS_Q;
  shape.tokens_k = RTL_TOKENS_K;
  shape.head_dim = RTL_HEAD_DIM;
  shape.mask = mask;
  shape.scale = 1.0F / std::sqrt(float{RTL_HEAD_DIM});
  return shape;
}

AcceleratorConfig rtl_configuration(const RtlOptions& options) {
  AcceleratorConfig config;
  config.fidelity = Fidelity::cycle;
  config.array = {RTL_ROWS, RTL_COLS, Dataflow::output_stationary};
  config.formats.probability = options.probability;
  config.formats.output = options.output;
  config.softmax.exp2 = options.exp2;
  config.softmax.exp_latency_cycles = 6;
  config.external_memory.latency_cycles = options.memory_latency_cycles;
  // Two halves, each for a tile of Q or O and for one or all of K and V; words of 16 bits.
  const JobLayout layout(config, rtl_shape(Mask::none));
  const std::uint64_t tiles = options.streamed ? 1 : layout.key_tiles;
  const auto words = [](std::uint64_t bytes) { return static_cast<std::uint32_t>(bytes); };
  config.buffers.q.words = words(layout.q_tile_bytes);
  config.buffers.k.words = words(tiles * layout.k_tile_bytes);
  config.buffers.v.words = words(tiles * layout.v_tile_bytes);
  config.buffers.o.words = words(layout.o_tile_bytes);
  return config;
}

std::size_t rtl_site_classes() { return std::size(kSites); }

std::optional<RtlFault> rtl_fault(const Fault& fault, const RegisterClass& cls, Format output) {
  RtlFault result;
  const std::string site_class = cls.site_class();
  for (std::size_t i = 0; i < std::size(kSites); ++i)
    if (kSites[i] == site_class) result.site = static_cast<std::uint8_t>(i + 1);
  const auto effect = effect_of(fault.how);
  if (result.site == 0 || !effect) return std::nullopt;
  result.effect = *effect;
  const bool link = cls.kind == StorageKind::link;
  Fault within = fault;
  within.bit = fault.bit % cls.bits;
  const std::uint64_t held = (std::uint64_t{1} << cls.bits) - 1;
  result.index = static_cast<std::uint16_t>(link ? fault.bit / cls.bits : fault.site.index);
  result.mask = static_cast<std::uint32_t>(within.mask() & held);
  result.cycle = static_cast<std::uint32_t>(fault.cycle);
  if (fault.how.persistent()) {
    result.period = fault.how.period_cycles;
    result.duty = fault.how.duty_cycles;
  }
  // The Verilog's o buffer counts elements, not words.
  if (site_class == "o_buffer.word[*]" && bits_of(output) == 32) {
    result.mask <<= 16 * (result.index % 2);
    result.index /= 2;
  }
  return result;
}

struct RtlAccelerator::Impl {
  VerilatedContext context;
  Vaccelerator model{&context};

  /// What is seen in a cycle, up to the edge that ends it.
  void settle() {
    model.clk = 0;
    model.eval();
  }
  void clock() {
    settle();
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
  void arm(const RtlFault& fault) {
    model.fault_site = fault.site;
    model.fault_effect = fault.effect;
    model.fault_index = fault.index;
    model.fault_mask = fault.mask;
    model.fault_cycle = fault.cycle;
    model.fault_period = fault.period;
    model.fault_duty = fault.duty;
  }
  void observe(std::uint64_t cycle, RtlRun& run) const {
    for (std::size_t j = 0; j < std::size(model.committed); ++j)
      if (model.committed[j] != 0) {
        run.output[model.commit_index[j]] = model.commit_value[j];
        run.committed[model.commit_index[j]] = cycle;
      }
    if (model.checked != 0)
      run.checks.push_back({model.head, model.query_row, cycle, model.left, model.right,
                            model.residual, model.scale, model.alarmed != 0});
    if (model.alarm_line != 0 && run.alarm_cycle == RtlRun::kNever) run.alarm_cycle = cycle;
  }
};

RtlAccelerator::RtlAccelerator(const RtlOptions& options, const AttentionJob& job)
    : impl_(std::make_unique<Impl>()) {
  Vaccelerator& model = impl_->model;
  model.reset = 1;
  model.causal = options.mask == Mask::causal ? 1 : 0;
  model.streamed = options.streamed ? 1 : 0;
  model.chords = options.exp2 == Exp2Kind::piecewise_linear ? 1 : 0;
  model.wide_p = options.probability == Format::float32 ? 1 : 0;
  model.wide_o = options.output == Format::float32 ? 1 : 0;
  model.memory_latency = options.memory_latency_cycles;
  const auto scale = static_cast<float>(double{job.shape.scale} * 1.4426950408889634);  // log2(e)
  std::memcpy(&model.softmax_scale, &scale, sizeof scale);
  impl_->poke(0, job.q);
  impl_->poke(1, job.k);
  impl_->poke(2, job.v);
}

RtlAccelerator::~RtlAccelerator() { impl_->model.final(); }

RtlRun RtlAccelerator::run(const RtlFault& fault) {
  Vaccelerator& model = impl_->model;
  const AttentionShape shape = rtl_shape(Mask::none);
  RtlRun run;
  const std::size_t rows = std::size_t{shape.heads} * shape.tokens_q;
  run.output.resize(rows * shape.head_dim);
  run.committed.resize(run.output.size(), RtlRun::kNever);
  model.reset = 1;
  impl_->clock();
  model.reset = 0;
  impl_->arm(fault);
  // After the last store comparisons are still to come, and an alarm that a fault raises late.
  const std::uint64_t at_least = fault.site == 0 ? 0 : std::uint64_t{fault.cycle} + 2;
  for (std::uint64_t cycle = 0;; ++cycle) {
    if (cycle == kLongestRun) throw std::runtime_error("the Verilog does not finish");
    impl_->settle();
    impl_->observe(cycle, run);
    if (model.finished != 0 && run.checks.size() == rows && cycle > at_least) break;
    impl_->clock();
  }
  impl_->clock();
  impl_->settle();
  impl_->observe(model.cycle, run);
  run.cycles = model.finish_cycle;
  return run;
}

}  // namespace attnguard
