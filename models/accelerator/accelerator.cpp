#include "models/accelerator/accelerator.h"

#include <algorithm>

#include "models/accelerator/checker_dimensions.h"
#include "models/numerics/ceil_log2.h"

namespace attnguard {
namespace {

constexpr const char* kBufferNames[] = {"q_buffer", "k_buffer", "v_buffer", "o_buffer"};

const BufferConfig& buffer_config(const AcceleratorConfig& config, std::size_t which) {
  const BufferConfig* configs[] = {&config.buffers.q, &config.buffers.k, &config.buffers.v,
                                   &config.buffers.o};
  return *configs[which];
}

}  // namespace

Accelerator::Accelerator(sc_core::sc_module_name name, const AcceleratorConfig& config,
                         const std::vector<CheckerConfig>& checkers, const AttentionShape& shape,
                         bool interposers, const RecoveryConfig& recovery,
                         const std::vector<std::size_t>& interrupting)
    : sc_module(name),
      config_(config),
      layout_(config, shape),
      clock_(config.clock_mhz),
      monitor_(clock_) {
  build_units(checkers);
  bind_links(interposers, !checkers.empty());
  bind_commands(interposers);
  if (recovery.policy == RecoveryPolicy::correct)
    correction_ = std::make_unique<ValueCorrection>(*checksum_, interrupting);
  else if (recovery.enabled())
    recovery_ = std::make_unique<Recovery>(
        "recovery", recovery, layout_, half_bytes_, clock_, *checksum_, interrupting, *store_done_,
        *sequencer_, *softmax_, *accumulator_, [this](std::uint64_t cycle) { abandon(cycle); });
}

std::unique_ptr<Line> Accelerator::make_done_line(const std::string& unit) {
  auto line = std::make_unique<Line>(("done_" + unit).c_str(), clock_, universe_, log_,
                                     "line.done." + unit, Domain::function);
  Line& reference = *line;
  owners_.own([&reference](const Fault& fault) { reference.arm(fault); },
              [&reference]() { return reference.tap().outcome(); });
  return line;
}

void Accelerator::build_units(const std::vector<CheckerConfig>& checkers) {
  const std::uint32_t rows = layout_.rows, cols = layout_.cols, head_dim = layout_.shape.head_dim;
  const FormatsConfig& formats = config_.formats;

  for (std::size_t i = 0; i < 4; ++i) {
    const BufferConfig& config = buffer_config(config_, i);
    const Format element = i == 3 ? formats.output : formats.operand;
    buffer_cores_[i] = std::make_unique<SramCore>(config, element, i == 0 ? rows : cols);
    buffers_[i] = std::make_unique<SramBuffer>(kBufferNames[i], *buffer_cores_[i], universe_, log_);
    owners_.own_tap(*buffer_cores_[i]);
    half_bytes_[i] = buffer_cores_[i]->half_bytes();
  }
  program_ = make_program(layout_, half_bytes_);

  load_done_ = make_done_line("load");
  array_done_ = make_done_line("array");
  accumulator_done_ = make_done_line("accumulator");
  store_done_ = make_done_line("store");

  memory_core_ = std::make_unique<ExternalMemoryCore>(config_.external_memory, layout_);
  external_memory_ = std::make_unique<ExternalMemory>("external_memory", *memory_core_, clock_);
  DmaBuffers dma_buffers{};
  for (std::size_t i = 0; i < 4; ++i) {
    dma_buffers.core[i] = buffer_cores_[i].get();
    dma_buffers.config[i] = &buffer_config(config_, i);
  }
  dma_ = std::make_unique<Dma>("dma", dma_buffers, config_.external_memory, formats.operand,
                               formats.output, clock_, monitor_, *load_done_, *store_done_);

  const auto operand_port = [&](std::size_t i) {
    return OperandPort{buffer_cores_[i]->beat_interval_cycles(),
                       buffer_config(config_, i).read_latency_cycles};
  };
  array_core_ = std::make_unique<ArrayCore>(config_.array, formats, config_.fidelity);
  array_ = std::make_unique<SystolicArray>("array", *array_core_, config_.array, formats, head_dim,
                                           operand_port(0), operand_port(1), operand_port(2),
                                           clock_, monitor_, universe_, log_, *array_done_);
  owners_.own([this](const Fault& fault) { array_core_->arm(fault); },
              [this]() { return array_core_->outcome(); });

  softmax_core_ = std::make_unique<SoftmaxCore>(config_.softmax, rows, cols, formats.probability);
  softmax_ = std::make_unique<SoftmaxUnit>("softmax", *softmax_core_, rows, cols,
                                           formats.probability, monitor_, universe_, log_);
  owners_.own_tap(*softmax_core_);

  accumulator_core_ = std::make_unique<AccumulatorCore>(rows, cols, head_dim,
                                                        config_.accumulator.divide_latency_cycles);
  accumulator_ =
      std::make_unique<OutputAccumulator>("accumulator", *accumulator_core_, rows, cols, head_dim,
                                          formats.output, config_.buffers.o.write_latency_cycles,
                                          clock_, monitor_, universe_, log_, *accumulator_done_);
  owners_.own_tap(*accumulator_core_);

  // A guard declares its line, then its checker's registers.
  checksum_ = std::make_unique<ChecksumUnit>(
      "checksum", checkers, checker_dimensions(config_, layout_), clock_, universe_, log_);
  checksum_->own(owners_);

  router_ = std::make_unique<Router>("router");
  state_counters_ =
      std::make_unique<StateCounters>("sequencer_state", program_, clock_, universe_, log_);
  owners_.own([this](const Fault& fault) { state_counters_->arm(fault); },
              [this] { return state_counters_->tap().outcome(); });
  sequencer_ = std::make_unique<Sequencer>(
      "sequencer", program_, clock_, monitor_,
      DoneLines{*load_done_, *array_done_, *accumulator_done_, *store_done_}, *state_counters_);
}

void Accelerator::bind_links(bool interposers, bool checkers) {
  const std::uint32_t rows = layout_.rows, cols = layout_.cols;
  const Format operand = config_.formats.operand, output = config_.formats.output;
  const std::uint32_t widest = std::max(rows, cols);
  const std::uint32_t memory = ceil_log2(memory_core_->size_bytes());
  const auto buffer = [&](std::size_t i) { return ceil_log2(buffer_cores_[i]->size_bytes()); };
  links_.connect("external_memory_to_dma", dma_->memory_read_out, external_memory_->read_in, widest,
                 operand, interposers, memory);
  links_.connect("dma_to_q_buffer", dma_->q_out, buffers_[0]->lines_in, rows, operand, interposers,
                 buffer(0));
  links_.connect("dma_to_k_buffer", dma_->k_out, buffers_[1]->lines_in, cols, operand, interposers,
                 buffer(1));
  links_.connect("dma_to_v_buffer", dma_->v_out, buffers_[2]->lines_in, cols, operand, interposers,
                 buffer(2));
  links_.connect("q_buffer_to_array", array_->q_in, buffers_[0]->lines_out, rows, operand,
                 interposers, buffer(0));
  links_.connect("k_buffer_to_array", array_->k_in, buffers_[1]->lines_out, cols, operand,
                 interposers, buffer(1));
  links_.connect("v_buffer_to_array", array_->v_in, buffers_[2]->lines_out, cols, operand,
                 interposers, buffer(2));
  links_.connect("array_to_softmax", array_->score_out, softmax_->score_in, cols, Format::float32,
                 interposers);
  links_.connect("softmax_to_array", softmax_->probability_out, array_->probability_in, cols,
                 config_.formats.probability, interposers);
  links_.connect("softmax_to_accumulator", softmax_->scalar_out, accumulator_->scalar_in, 2,
                 Format::float32, interposers, 1);
  links_.connect("array_to_accumulator", array_->partial_out, accumulator_->partial_in, cols,
                 Format::float32, interposers);
  links_.connect("accumulator_to_o_buffer", accumulator_->output_out, buffers_[3]->lines_in, cols,
                 output, interposers, buffer(3));
  links_.connect("o_buffer_to_dma", dma_->o_in, buffers_[3]->lines_out, cols, output, interposers,
                 buffer(3));
  links_.connect("dma_to_external_memory", dma_->memory_write_out, external_memory_->write_in, cols,
                 output, interposers, memory);

  const std::uint32_t needs = checksum_->needs();
  buffers_[0]->observe(needs & kQueryWritten, needs & kQueryRead);
  buffers_[1]->observe(needs & kKeyWritten, needs & kKeyRead);
  buffers_[2]->observe(needs & kValueWritten, needs & kValueRead);
  array_->observe(needs & (kScores | kProbabilities | kPartials));
  softmax_->observe(needs & kScalars);
  accumulator_->observe(needs & kOutputs);
  if ((needs & kCodeErrors) != 0)
    for (auto& sram : buffers_)
      sram->report_errors([this](const CodeErrors& errors) { checksum_->code_errors(errors); });

  const auto observe = [&](const std::string& link, BurstPort& from, auto& to, std::uint32_t lanes,
                           Format format, std::uint32_t observations) {
    const bool used = checkers && (needs & observations) != 0;
    links_.connect(link, from, to, lanes, format, interposers && used,
                   observations == kScalars ? 1 : 0, Domain::safety_mechanism);
  };
  observe("q_buffer_to_checksum", buffers_[0]->observe_out, checksum_->q_in, 2 * rows, operand,
          kQueryWritten | kQueryRead);
  observe("k_buffer_to_checksum", buffers_[1]->observe_out, checksum_->k_in, 2 * cols, operand,
          kKeyWritten | kKeyRead);
  observe("v_buffer_to_checksum", buffers_[2]->observe_out, checksum_->v_in, 2 * cols, operand,
          kValueWritten | kValueRead);
  observe("array_to_checksum", array_->observe_out, checksum_->array_in, cols + rows,
          Format::float32, kScores | kProbabilities | kPartials);
  observe("softmax_to_checksum", softmax_->observe_out, checksum_->softmax_in, 2, Format::float32,
          kScalars);
  observe("accumulator_to_checksum", accumulator_->observe_out, checksum_->accumulator_in,
          2 * cols + 1, Format::float32, kOutputs);
  // No checker observes the output buffer; its port still needs a peer.
  buffers_[3]->observe_out.bind(checksum_->unused_in);
}

void Accelerator::bind_commands(bool interposer) {
  if (interposer) {
    command_interposer_ = std::make_unique<CommandInterposer>(
        "link_sequencer_to_units", clock_, universe_, log_, "sequencer_to_units",
        ceil_log2(Router::kWindows * kWindowBytes));
    sequencer_->command_out.bind(command_interposer_->in);
    command_interposer_->out.bind(router_->command_in);
    owners_.own_tap(*command_interposer_);
  } else {
    sequencer_->command_out.bind(router_->command_in);
  }
  const auto window = [&](CommandWindow which) -> auto& {
    return router_->unit_out[static_cast<std::size_t>(which)];
  };
  window(CommandWindow::load).bind(dma_->load_command_in);
  window(CommandWindow::store).bind(dma_->store_command_in);
  window(CommandWindow::array).bind(array_->command_in);
  window(CommandWindow::accumulator).bind(accumulator_->command_in);
}

void Accelerator::record(Timeline* timeline) {
  timeline_ = timeline;
  const auto unit = [&](const std::string& name, const char* idle) {
    return timeline == nullptr ? nullptr : &timeline->units.emplace_back(name, idle);
  };
  const auto line = [&](Line& of) {
    of.record(timeline == nullptr ? nullptr
                                  : &timeline->lines.emplace_back(universe_[of.reg()].path));
  };
  const auto buffer = [&](std::size_t i) {
    const std::string name = kBufferNames[i];
    UnitTrack* write = unit(name + ".write", SramBuffer::kIdle);
    buffers_[i]->record(unit(name + ".read", SramBuffer::kIdle), write);
  };
  // In the order of the data.
  UnitTrack* load = unit("dma.load", Dma::kIdle);
  for (const std::size_t operand : {0, 1, 2}) buffer(operand);
  array_->record(unit("array", SystolicArray::kIdle));
  softmax_->record(unit("softmax", SoftmaxUnit::kIdle));
  accumulator_->record(unit("accumulator", OutputAccumulator::kIdle));
  buffer(3);
  dma_->record(load, unit("dma.store", Dma::kIdle));
  for (auto& done : {&load_done_, &array_done_, &accumulator_done_, &store_done_}) line(**done);
  for (auto& guard : checksum_->guards()) line(guard->alarm);
}

void Accelerator::reset() {
  clock_.restart();
  if (timeline_ != nullptr) timeline_->start();
  monitor_.reset();
  for (Line* line :
       {load_done_.get(), array_done_.get(), accumulator_done_.get(), store_done_.get()})
    line->reset(true);
  for (auto& buffer : buffers_) buffer->reset();
  memory_core_->reset();
  dma_->reset();
  array_->reset();
  softmax_->reset({attnguard::scale_log2e(layout_.shape.scale), layout_.shape.mask == Mask::causal,
                   layout_.shape.tokens_q, layout_.shape.tokens_k});
  accumulator_->reset();
  checksum_->reset();
  links_.reset();
  if (command_interposer_) command_interposer_->reset();
  state_counters_->reset();
}

void Accelerator::start(bool recovering) {
  links_.start();
  if (command_interposer_) command_interposer_->let_pass(sequencer_->command_out);
  if (recovery_) recovery_->start(recovering);
  if (correction_) {
    correction_->start();
    array_->correct(nullptr);
    if (recovering)
      array_->correct(
          [this](float* values, std::size_t stride) { correction_->apply(values, stride); });
  }
  sequencer_->start();
}

RecoveryResult Accelerator::recovered() const {
  if (correction_) return correction_->result();
  return recovery_ ? recovery_->result() : RecoveryResult{};
}

void Accelerator::abandon(std::uint64_t cycle) {
  if (timeline_ != nullptr) timeline_->abandon(cycle);
  for (auto& core : buffer_cores_) core->abandon(cycle);
  memory_core_->abandon();
  dma_->abandon(cycle);
  array_->abandon(cycle);
  softmax_core_->tap().abandon(cycle);
  accumulator_->abandon(cycle);
  links_.abandon(cycle);
  if (command_interposer_) command_interposer_->tap().abandon(cycle);
}

std::optional<DoneLine> Accelerator::done_line(RegisterId reg) const {
  const Line* lines[] = {load_done_.get(), array_done_.get(), accumulator_done_.get(),
                         store_done_.get()};
  for (std::size_t i = 0; i < 4; ++i)
    if (lines[i]->reg() == reg) return static_cast<DoneLine>(i);
  return std::nullopt;
}

void Accelerator::finish_live(std::uint64_t total_cycles) {
  for (auto& core : buffer_cores_) core->flush_live(log_);
  for (auto& guard : checksum_->guards()) guard->alarm.sampled_throughout(total_cycles);
  state_counters_->live_until(total_cycles);
}

std::map<std::string, UnitStats> Accelerator::stats(std::uint64_t total_cycles) const {
  std::map<std::string, UnitStats> stats;
  stats["array"] = array_->stats(total_cycles);
  stats["softmax"] = softmax_->stats(total_cycles);
  stats["accumulator"] = accumulator_->stats(total_cycles);
  stats["dma.load"] = dma_->load_stats(total_cycles);
  stats["dma.store"] = dma_->store_stats(total_cycles);
  for (std::size_t i = 0; i < 4; ++i) {
    stats[std::string(kBufferNames[i]) + ".read"] = buffers_[i]->read_stats(total_cycles);
    stats[std::string(kBufferNames[i]) + ".write"] = buffers_[i]->write_stats(total_cycles);
  }
  return stats;
}

CodeReads Accelerator::code_reads() const {
  CodeReads reads;
  for (const auto& core : buffer_cores_) reads += core->code_reads();
  return reads;
}

}  // namespace attnguard
