#include "models/systolic_array/systolic_array.h"

#include <algorithm>
#include <cstring>

#include "models/checksum_unit/checker.h"
#include "models/numerics/ceil_div.h"

namespace attnguard {

SystolicArray::SystolicArray(sc_core::sc_module_name name, ArrayCore& core,
                             const ArrayConfig& config, const FormatsConfig& formats,
                             std::uint32_t head_dim, OperandPort q, OperandPort k, OperandPort v,
                             const Clock& clock, RunMonitor& monitor, FaultUniverse& universe,
                             LiveLog& log, Line& done)
    : sc_module(name),
      command_in("command_in"),
      probability_in("probability_in"),
      q_in("q_in"),
      k_in("k_in"),
      v_in("v_in"),
      score_out("score_out", &monitor),
      partial_out("partial_out", &monitor),
      observe_out("observe_out"),
      core_(core),
      config_(config),
      formats_(formats),
      head_dim_(head_dim),
      q_(q),
      k_(k),
      v_(v),
      clock_(clock),
      monitor_(monitor),
      log_(log),
      done_(done),
      probability_(core.stride() * config.cols) {
  for (std::size_t i = 0; i < kWorks; ++i)
    works_[i].operands = &operands_[core_.keeps_operands() ? i : 0];
  core_.declare(universe, this->basename());
  command_in.register_b_transport(this, &SystolicArray::accept_command);
  probability_in.register_b_transport(this, &SystolicArray::receive_probability);
  SC_METHOD(feed_method);
  sensitive << feed_event_;
  dont_initialize();
  SC_METHOD(drain_method);
  sensitive << drain_event_;
  dont_initialize();
}

void SystolicArray::reset() {
  core_.reset();
  feed_event_.cancel();
  drain_event_.cancel();
  pending_ = planned_ = false;
  next_work_ = first_draining_ = draining_ = 0;
  edge_free_ = bus_free_ = reads_end_ = 0;
  probability_ready_[0] = probability_ready_[1] = 0;
  probability_valid_[0] = probability_valid_[1] = false;
  macs_ = 0;
  stats_ = {};
  stall_cycles_ = {};
  counted_.clear();
  for (BurstPort* port : {&q_in, &k_in, &v_in, &score_out, &partial_out, &observe_out})
    port->reset();
}

void SystolicArray::abandon(std::uint64_t cycle) {
  core_.abandon(cycle);
  feed_event_.cancel();
  drain_event_.cancel();
  pending_ = planned_ = false;
  next_work_ = first_draining_ = draining_ = 0;
  bus_free_ = reads_end_ = 0;
  probability_valid_[0] = probability_valid_[1] = false;
  for (; !counted_.empty() && counted_.back().end > cycle; counted_.pop_back()) {
    edge_free_ = std::max(cycle, counted_.back().begin);
    *counted_.back().counter -= counted_.back().end - edge_free_;
  }
  done_.write(true, cycle);
}

void SystolicArray::accept_command(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  if (pending_ || payload.get_data_length() != sizeof command_) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  std::memcpy(&command_, payload.get_data_ptr(), sizeof command_);
  pending_ = true;
  command_cycle_ = clock_.cycle();
  done_.write(false, clock_.cycle());
  plan_when_ready();
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void SystolicArray::receive_probability(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const Burst& burst = burst_of(payload);
  decode_values(burst.format, reinterpret_cast<const std::byte*>(payload.get_data_ptr()),
                probability_.data(), burst.tile.cols * core_.stride());
  core_.receive_probability(burst.tile, probability_.data(), burst.timing.first_cycle);
  probability_ready_[burst.tile.bank] = burst.timing.last_cycle() + 1;
  probability_valid_[burst.tile.bank] = true;
  if (pending_ && !planned_) plan_when_ready();
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

/// When P arrives is known once the softmax unit has had the score tile; until then P·V cannot be
/// planned.
void SystolicArray::plan_when_ready() {
  planned_ = command_.operation == ArrayOperation::scores || probability_valid_[command_.tile.bank];
  if (!planned_) return;
  read_start_ = plan(works_[next_work_]);
  feed_event_.notify(clock_.until(read_start_));
}

void SystolicArray::feed_method() {
  ArrayWork& work = works_[next_work_];
  pending_ = false;
  if (draining_ == kWorks)  // only a protocol fault leads here
    return monitor_.crash("array has more operations under way than it has place for");
  if (!read_operands(work, read_start_)) {
    const bool lost = work.values ? v_in.lost() : q_in.lost() || k_in.lost();
    if (!lost) monitor_.crash("array read an operand tile that is not loaded");
    return;
  }
  wait_for_operands(work);
  done_.write(true, clock_.cycle() - 1);
  core_.start(work, log_);
  if (work.values && (observations_ & kProbabilities) != 0) observe_probability(work);
  next_work_ = (next_work_ + 1) % kWorks;
  if (draining_++ == 0) drain_event_.notify(clock_.until(work.timing(config_.cols).last_cycle()));
}

void SystolicArray::record_cycles(std::string_view stall, std::uint64_t cycles) {
  const std::uint64_t end = edge_free_ + cycles;
  if (!stall.empty()) return track_->add({edge_free_, end, stall, {}, {}});
  const bool values = command_.operation == ArrayOperation::values;
  track_->add({edge_free_, end, {}, values ? "values" : "scores", command_.tile.id()});
}

std::uint64_t SystolicArray::plan(ArrayWork& work) {
  const bool values = command_.operation == ArrayOperation::values;
  work.tile = command_.tile;
  work.values = values;
  work.depth = values ? work.tile.cols : head_dim_;
  work.out_cols = values ? head_dim_ : work.tile.cols;
  work.passes = values ? ceil_div(head_dim_, config_.cols) : 1;

  const auto lead_of = [&](const OperandPort& port) {
    return port.read_latency_cycles + (work.depth - 1) * (port.beat_interval_cycles - 1);
  };
  const std::uint64_t lead = values ? lead_of(v_) : std::max(lead_of(q_), lead_of(k_));
  const std::uint32_t beat_interval =
      values ? v_.beat_interval_cycles : std::max(q_.beat_interval_cycles, k_.beat_interval_cycles);
  const std::uint64_t read_cycles = std::uint64_t{work.depth} * beat_interval;
  work.interval = static_cast<std::uint32_t>(std::max<std::uint64_t>(read_cycles, config_.rows));

  // Each constraint takes the start of the pass a bit further; what it adds is counted under its
  // name.
  const std::uint64_t now = clock_.cycle();
  while (!counted_.empty() && counted_.front().end <= now) counted_.pop_front();
  const auto not_before = [&](std::uint64_t cycle, Stall reason) {
    if (cycle > edge_free_) stall(reason, cycle - edge_free_);
  };
  not_before(command_cycle_ + 1, static_cast<Stall>(command_.waited_for));
  if (values) {
    not_before(probability_ready_[work.tile.bank], Stall::probability);
    probability_valid_[work.tile.bank] = false;
  }
  not_before(bus_free_ > work.depth ? bus_free_ - work.depth : 0, Stall::drain);
  not_before(std::max({command_cycle_ + 1, now, reads_end_}) + lead, Stall::operand);
  const std::uint64_t start = work.start = edge_free_;

  const std::uint64_t last_pass = std::uint64_t{work.passes - 1} * work.interval;
  const std::uint64_t gap = work.interval - work.depth;
  const Stall waits_for = read_cycles > config_.rows ? Stall::operand : Stall::drain;
  stall_cycles(waits_for);  // shown even if no pass has to wait
  for (std::uint32_t pass = 0; pass < work.passes; ++pass) {
    if (pass > 0) stall(waits_for, gap);
    busy(work.depth);
  }
  bus_free_ = start + last_pass + work.depth + config_.rows;
  reads_end_ = start - lead + last_pass + read_cycles;
  macs_ += std::uint64_t{work.tile.rows} * work.depth * work.out_cols;
  return start - lead;
}

bool SystolicArray::read_operands(ArrayWork& work, std::uint64_t read_start) {
  if (work.values)
    return read_lines(v_in, work, command_.v_address, read_start, std::min(config_.cols, head_dim_),
                      config_.cols, v_.beat_interval_cycles, work.operands->north);
  return read_lines(q_in, work, command_.q_address, read_start, work.tile.rows, config_.rows,
                    q_.beat_interval_cycles, work.operands->west) &&
         read_lines(k_in, work, command_.k_address, read_start, work.tile.cols, config_.cols,
                    k_.beat_interval_cycles, work.operands->north);
}

/// Lines that come later than the buffer promises hold up the pass, and all that follows it.
void SystolicArray::wait_for_operands(ArrayWork& work) {
  const auto late = [&](const BurstPort& port) {
    return port.burst.timing.first_cycle - read_start_;
  };
  const std::uint64_t cycles = work.values ? late(v_in) : std::max(late(q_in), late(k_in));
  if (track_ != nullptr) track_->hold_up(work.start, cycles, "operand");
  work.start += cycles;
  bus_free_ += cycles;
  reads_end_ += cycles;
  take_edge(stall_cycles(Stall::operand), cycles);
}

/// One line per operand: group = pass, beat = depth. Values end up as [line][stride]: lanes padded
/// for q, array columns else.
bool SystolicArray::read_lines(BurstPort& port, const ArrayWork& work, std::uint64_t address,
                               std::uint64_t read_start, std::uint32_t lanes,
                               std::uint32_t line_elements, std::uint32_t read_interval,
                               LaneTile& values) {
  const std::size_t lines = std::size_t{work.passes} * work.depth;
  const std::uint32_t element_bytes = bytes_of(formats_.operand);
  raw_.resize(lines * line_elements * element_bytes);
  Burst& burst = port.burst;
  burst.tile = work.tile;
  burst.timing.first_cycle = read_start;
  burst.timing.groups = work.passes;
  burst.timing.group_interval_cycles = work.interval;
  burst.timing.beats = work.depth;
  burst.timing.beat_interval_cycles = read_interval;
  burst.format = formats_.operand;
  burst.lanes = lanes;
  burst.last_group_lanes = work.values ? head_dim_ - (work.passes - 1) * config_.cols : lanes;
  burst.lane_stride = element_bytes;
  burst.beat_stride = std::size_t{line_elements} * element_bytes;
  burst.group_stride = burst.beat_stride * work.depth;
  burst.values_stride = line_elements;
  if (!port.read(address, raw_.data(), raw_.size())) return false;
  const std::size_t stride = &port == &q_in ? core_.stride() : line_elements;
  values.resize(std::max(values.size(), lines * stride));
  if (&port == &q_in && !core_.keeps_operands()) {
    // The same tile comes again for every key tile: what it was decoded to still stands.
    if (raw_.size() == decoded_q_.size() &&
        std::memcmp(raw_.data(), decoded_q_.data(), raw_.size()) == 0)
      return true;
    decoded_q_ = raw_;
  }
  if (stride == line_elements) {
    decode_values(formats_.operand, raw_.data(), values.data(), lines * line_elements);
  } else {
    for (std::size_t line = 0; line < lines; ++line)
      decode_values(formats_.operand, raw_.data() + line * burst.beat_stride,
                    values.data() + line * stride, line_elements);
  }
  return true;
}

void SystolicArray::drain_method() {
  ArrayWork& work = works_[first_draining_];
  core_.finish(work);
  deliver(work);
  first_draining_ = (first_draining_ + 1) % kWorks;
  if (--draining_ > 0)
    drain_event_.notify(clock_.until(works_[first_draining_].timing(config_.cols).last_cycle()));
}

/// Beat = row; the tile lies lane-major.
void SystolicArray::deliver(ArrayWork& work) {
  BurstPort& port = work.values ? partial_out : score_out;
  const std::uint32_t observation = work.values ? kPartials : kScores;
  const std::size_t count = work.out_cols * core_.stride();
  Burst& burst = port.burst;
  burst.tile = work.tile;
  burst.timing = work.timing(config_.cols);
  burst.lanes = std::min(config_.cols, work.out_cols);
  burst.last_group_lanes = work.out_cols - (work.passes - 1) * config_.cols;
  burst.group_stride = config_.cols * core_.stride() * sizeof(float);
  burst.beat_stride = sizeof(float);
  burst.lane_stride = core_.stride() * sizeof(float);
  burst.values_stride = core_.stride();
  if ((observations_ & observation) != 0) {
    observe_values(burst, observation, work.out.data(), count);
    if (correct_) correct_(work.out.data(), core_.stride());
  }
  port.write(0, work.out.data(), count * sizeof(float));
}

void SystolicArray::observe_values(const Burst& like, std::uint32_t observation,
                                   const float* values, std::size_t count) {
  observed_.assign(values, values + count);
  observe_out.burst = like;
  observe_out.burst.observation = observation;
  observe_out.write(0, observed_.data(), count * sizeof(float));
}

/// The west operands of the last pass as they are fed: beat = key, lane = row.
void SystolicArray::observe_probability(const ArrayWork& work) {
  const std::size_t count = work.depth * core_.stride();
  Burst burst;
  burst.tile = work.tile;
  burst.timing.first_cycle = work.start + std::uint64_t{work.passes - 1} * work.interval;
  burst.timing.beats = work.depth;
  burst.lanes = burst.last_group_lanes = work.tile.rows;
  burst.first_lane = config_.cols;
  burst.beat_stride = core_.stride() * sizeof(float);
  burst.lane_stride = sizeof(float);
  burst.values_stride = core_.stride();
  observe_values(burst, kProbabilities, core_.probability(work.tile.bank), count);
}

UnitStats SystolicArray::stats(std::uint64_t total_cycles) const {
  UnitStats stats = stats_;
  stats.stall_cycles[kIdle] += total_cycles - edge_free_;
  return stats;
}

}  // namespace attnguard
