#include "tests/support/random_system.h"

#include <algorithm>
#include <cmath>

#include "models/accelerator/job_layout.h"

namespace attnguard {
namespace {

std::uint32_t size(FloatSamples& samples, std::size_t low, std::size_t high) {
  return static_cast<std::uint32_t>(samples.integer(low, high));
}

AttentionShape random_shape(FloatSamples& samples, const SystemLimits& limits) {
  AttentionShape shape;
  shape.kv_heads = size(samples, 1, 2);
  shape.heads = shape.kv_heads * size(samples, 1, 3);
  shape.tokens_k = size(samples, 1, limits.tokens);
  shape.tokens_q = samples.integer(0, 4) == 0 ? 1 : size(samples, 1, shape.tokens_k);
  shape.head_dim = size(samples, 3, limits.head_dim);
  shape.mask = samples.pick(Mask::none, Mask::causal);
  shape.scale = 1.0F / std::sqrt(static_cast<float>(shape.head_dim));
  return shape;
}

void random_buffer(FloatSamples& samples, BufferConfig& buffer, Format element) {
  buffer.word_bits = bits_of(element) == 32 ? samples.pick(16U, 32U) : 16;
  buffer.banks = samples.pick(0U, 0U, 1U, 3U);
  buffer.port_words = samples.pick(0U, 0U, 2U, 5U);
  buffer.read_latency_cycles = size(samples, 1, 3);
  buffer.write_latency_cycles = size(samples, 1, 3);
}

AcceleratorConfig random_accelerator(FloatSamples& samples, const SystemLimits& limits) {
  AcceleratorConfig config;
  config.array.rows = size(samples, 1, limits.rows);
  config.array.cols = size(samples, 1, limits.cols);
  config.formats.operand = samples.pick(Format::bfloat16, Format::float16, Format::float32);
  config.formats.probability = samples.pick(Format::bfloat16, Format::float32);
  config.formats.output = samples.pick(Format::bfloat16, Format::float32);
  config.softmax.exp2 = samples.pick(Exp2Kind::polynomial, Exp2Kind::piecewise_linear);
  config.softmax.exp_latency_cycles = size(samples, 0, 3);
  config.accumulator.divide_latency_cycles = size(samples, 1, 10);
  config.external_memory.latency_cycles = size(samples, 1, 60);
  config.external_memory.bytes_per_cycle = samples.pick(4U, 16U, 64U);
  BuffersConfig& buffers = config.buffers;
  for (BufferConfig* buffer : {&buffers.q, &buffers.k, &buffers.v})
    random_buffer(samples, *buffer, config.formats.operand);
  random_buffer(samples, buffers.o, config.formats.output);
  return config;
}

}  // namespace

void shrink_buffers(AcceleratorConfig& accelerator, const AttentionShape& shape, bool resident) {
  const JobLayout layout(accelerator, shape);
  const std::uint64_t tiles = resident ? layout.key_tiles : 1;
  const auto fit = [](BufferConfig& buffer, std::uint64_t half_bytes) {
    const std::uint64_t word_bytes = buffer.word_bits / 8;
    buffer.words = static_cast<std::uint32_t>(2 * ((half_bytes + word_bytes - 1) / word_bytes));
  };
  fit(accelerator.buffers.q, layout.q_tile_bytes);
  fit(accelerator.buffers.k, tiles * layout.k_tile_bytes);
  fit(accelerator.buffers.v, tiles * layout.v_tile_bytes);
  fit(accelerator.buffers.o, layout.o_tile_bytes);
}

void protect_buffers(AcceleratorConfig& accelerator, FloatSamples& samples, bool all) {
  const auto protect = [&](BufferConfig& buffer, std::uint32_t lanes, Format format) {
    std::vector<ProtectionConfig> possible;
    for (const std::uint32_t data_bits : {16U, 32U, 64U})
      for (const std::uint32_t interleaving : {1U, 2U, 3U, 4U, 8U})
        if (data_bits >= buffer.word_bits &&
            lanes * bits_of(format) % (data_bits * interleaving) == 0)
          for (const CodeKind code : {CodeKind::parity, CodeKind::secded, CodeKind::secded})
            possible.push_back({code, data_bits, interleaving});
    if (possible.empty() || (!all && samples.integer(0, 2) == 0)) return;
    buffer.protection = possible[samples.integer(0, possible.size() - 1)];
    const std::uint32_t group =
        2 * buffer.protection->data_bits * buffer.protection->interleaving / buffer.word_bits;
    buffer.words = (buffer.words + group - 1) / group * group;
  };
  BuffersConfig& buffers = accelerator.buffers;
  const FormatsConfig& formats = accelerator.formats;
  protect(buffers.q, accelerator.array.rows, formats.operand);
  protect(buffers.k, accelerator.array.cols, formats.operand);
  protect(buffers.v, accelerator.array.cols, formats.operand);
  protect(buffers.o, accelerator.array.cols, formats.output);
}

void fill_normal(AttentionJob& job, Format format, FloatSamples& samples, float deviation) {
  const AttentionShape& shape = job.shape;
  const auto fill = [&](std::vector<float>& tensor, std::size_t heads, std::size_t tokens) {
    tensor.resize(heads * tokens * shape.head_dim);
    for (float& value : tensor) value = round_to(format, samples.normal(deviation));
  };
  fill(job.q, shape.heads, shape.tokens_q);
  fill(job.k, shape.kv_heads, shape.tokens_k);
  fill(job.v, shape.kv_heads, shape.tokens_k);
}

TestSystem random_system(FloatSamples& samples, const SystemLimits& limits) {
  TestSystem system;
  system.accelerator = random_accelerator(samples, limits);
  system.job.shape = random_shape(samples, limits);
  shrink_buffers(system.accelerator, system.job.shape, samples.integer(0, 1) == 0);
  if (samples.integer(0, 1) == 0)
    for (BufferConfig* buffer : {&system.accelerator.buffers.q, &system.accelerator.buffers.k,
                                 &system.accelerator.buffers.v, &system.accelerator.buffers.o})
      buffer->words += 2 * size(samples, 0, buffer->words);
  fill_normal(system.job, system.accelerator.formats.operand, samples, 1.5F);
  return system;
}

std::vector<CheckerConfig> shipped_checkers() {
  FlashAbftConfig hardened;
  hardened.softmax_scalars = SoftmaxScalars::duplicated;
  hardened.row_sum = hardened.key_sum = SumPoint::at_write;
  hardened.score_check = true;
  hardened.query_source = QuerySource::own;
  MatmulAbftConfig carried;
  carried.pv_check = PvCheck::carried;
  return {{"merged", FlashAbftConfig{}},
          {"hardened", hardened},
          {"two_check", MatmulAbftConfig{}},
          {"two_check_carried", carried}};
}

TestSystem small_system(bool resident) {
  TestSystem system;
  system.accelerator.array = {3, 4, Dataflow::output_stationary};
  system.accelerator.external_memory.latency_cycles = 7;
  AttentionShape& shape = system.job.shape;
  shape.heads = 2;
  shape.tokens_q = 7;
  shape.tokens_k = 10;
  shape.head_dim = 6;
  shape.mask = Mask::causal;
  shape.scale = 1.0F / std::sqrt(6.0F);
  shrink_buffers(system.accelerator, shape, resident);
  system.checkers = shipped_checkers();
  FloatSamples samples(21);
  fill_normal(system.job, system.accelerator.formats.operand, samples, 1.5F);
  return system;
}

}  // namespace attnguard
