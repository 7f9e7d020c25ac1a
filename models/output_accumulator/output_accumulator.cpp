#include "models/output_accumulator/output_accumulator.h"

#include <algorithm>
#include <cstring>

#include "models/checksum_unit/checker.h"
#include "models/numerics/ceil_div.h"

namespace attnguard {

OutputAccumulator::OutputAccumulator(sc_core::sc_module_name name, AccumulatorCore& core,
                                     std::uint32_t rows, std::uint32_t cols, std::uint32_t head_dim,
                                     Format output, std::uint32_t o_write_cycles,
                                     const Clock& clock, RunMonitor& monitor,
                                     FaultUniverse& universe, LiveLog& log, Line& done)
    : sc_module(name),
      command_in("command_in"),
      partial_in("partial_in"),
      scalar_in("scalar_in"),
      output_out("output_out", &monitor),
      observe_out("observe_out"),
      core_(core),
      cols_(cols),
      head_dim_(head_dim),
      slices_(ceil_div(head_dim, cols)),
      stride_(lane_stride(rows)),
      format_(output),
      o_write_cycles_(o_write_cycles),
      clock_(clock),
      monitor_(monitor),
      log_(log),
      done_(done),
      raw_output_(std::size_t{rows} * slices_ * cols * bytes_of(output)),
      encoded_(head_dim * stride_ * bytes_of(output)),
      observed_((2 * std::size_t{head_dim} + slices_) * stride_) {
  core_.declare(universe, this->basename());
  command_in.register_b_transport(this, &OutputAccumulator::accept_command);
  partial_in.register_b_transport(this, &OutputAccumulator::receive_partial);
  scalar_in.register_b_transport(this, &OutputAccumulator::receive_scalars);
  SC_METHOD(done_method);
  sensitive << done_event_;
  dont_initialize();
}

void OutputAccumulator::reset() {
  core_.reset();
  done_event_.cancel();
  busy_ = false;
  accumulate_cycles_ = normalise_cycles_ = 0;
  tile_cycles_.clear();
  output_out.reset();
  observe_out.reset();
}

void OutputAccumulator::abandon(std::uint64_t cycle) {
  core_.tap().abandon(cycle);
  done_event_.cancel();
  busy_ = false;
  done_.write(true, cycle);
}

UnitStats OutputAccumulator::stats(std::uint64_t total_cycles) const {
  UnitStats stats;
  stats.busy_cycles = accumulate_cycles_ + normalise_cycles_;
  stats.stall_cycles[kIdle] = total_cycles - stats.busy_cycles;
  return stats;
}

void OutputAccumulator::accept_command(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  if (busy_ || payload.get_data_length() != sizeof command_) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  std::memcpy(&command_, payload.get_data_ptr(), sizeof command_);
  busy_ = true;
  done_.write(false, clock_.cycle());
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void OutputAccumulator::receive_scalars(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const Burst& burst = burst_of(payload);
  const auto* values = reinterpret_cast<const float*>(payload.get_data_ptr());
  if (payload.get_address() == 0)
    core_.receive_alpha(burst.tile, values, burst.timing.first_cycle);
  else
    core_.receive_sum(burst.tile, values, burst.timing.first_cycle);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void OutputAccumulator::receive_partial(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const Burst& burst = burst_of(payload);
  if (!busy_) {
    monitor_.crash("accumulator received a partial tile without a command");
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  if (!core_.has_alpha(burst.tile, burst.timing)) {
    monitor_.crash("accumulator received a partial tile before its alpha");
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  core_.accumulate(burst.tile, reinterpret_cast<float*>(payload.get_data_ptr()), burst.timing,
                   log_);
  accumulate_cycles_ += std::uint64_t{burst.timing.groups} * burst.timing.beats;
  if (track_ != nullptr) {
    BeatTiming accumulated = burst.timing;
    ++accumulated.first_cycle;
    track_->add_beats(accumulated, 1, "accumulate", burst.tile.id());
  }
  if (checkpoints_.keeping())
    checkpoints_.after(burst.tile, burst.timing.last_cycle() + 1)
        .add(core_.acc(), head_dim_ * stride_);
  if (burst.tile.last) finish_tile(burst.tile);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

/// Group = slice, beat = row; the tile lies slice-major in lines of C elements.
void OutputAccumulator::finish_tile(const TileContext& tile) {
  const NormaliseTiming timing = core_.normalise_tile(tile, log_);
  normalise_cycles_ += std::uint64_t{tile.rows} * slices_;
  if (log_.enabled()) tile_cycles_.push_back(clock_.cycle());
  const std::size_t line_bytes = std::size_t{cols_} * bytes_of(format_);
  encode_values(format_, core_.output(), encoded_.data(), head_dim_ * stride_);
  if (bytes_of(format_) == 2)
    to_lines<std::uint16_t>(tile.rows);
  else
    to_lines<std::uint32_t>(tile.rows);
  Burst& burst = output_out.burst;
  burst.tile = tile;
  burst.format = format_;
  burst.timing = beats_of(tile, timing);
  if (track_ != nullptr) {
    BeatTiming normalised = burst.timing;
    --normalised.first_cycle;
    track_->add_beats(normalised, 1, "normalise", tile.id());
  }
  burst.lanes = cols_;
  burst.last_group_lanes = head_dim_ - (slices_ - 1) * cols_;
  burst.lane_stride = bytes_of(format_);
  burst.beat_stride = line_bytes;
  burst.group_stride = tile.rows * line_bytes;
  burst.values_stride = cols_;
  output_out.write(command_.o_address, raw_output_.data(), slices_ * tile.rows * line_bytes);
  if ((observations_ & kOutputs) != 0) send_observation(tile, timing);
  done_event_.notify(clock_.until(burst.timing.last_cycle() + o_write_cycles_ + 1));
}

/// Lane-major [d][stride] to slice-major lines [slice][row][C]. Unused lanes of the last slice are
/// +0: a protected buffer stores them too.
template <class Word>
void OutputAccumulator::to_lines(std::uint32_t rows) {
  if (head_dim_ % cols_ != 0) {
    const std::size_t slice_bytes = std::size_t{rows} * cols_ * sizeof(Word);
    std::fill_n(raw_output_.data() + (slices_ - 1) * slice_bytes, slice_bytes, std::byte{0});
  }
  for (std::uint32_t column = 0; column < head_dim_; ++column) {
    const std::byte* from = encoded_.data() + column * stride_ * sizeof(Word);
    const std::size_t line = std::size_t{column / cols_} * rows;
    std::byte* to = raw_output_.data() + (line * cols_ + column % cols_) * sizeof(Word);
    for (std::uint32_t row = 0; row < rows; ++row)
      std::memcpy(to + std::size_t{row} * cols_ * sizeof(Word), from + row * sizeof(Word),
                  sizeof(Word));
  }
}

/// Slice g of row i crosses one cycle after it stands in the output register.
BeatTiming OutputAccumulator::beats_of(const TileContext& tile,
                                       const NormaliseTiming& timing) const {
  BeatTiming beats;
  beats.first_cycle = timing.output_cycle(0, 0) + 1;
  beats.groups = slices_;
  beats.group_interval_cycles = 1;
  beats.beats = tile.rows;
  beats.beat_interval_cycles = slices_;
  return beats;
}

/// What is read for each slice of the output register: acc, the normalised float32 output, the
/// reciprocal. Lanes of a beat are C of acc, C of output (fewer in a ragged last slice) and the
/// reciprocal, stored [slice][lane][stride].
void OutputAccumulator::send_observation(const TileContext& tile, const NormaliseTiming& timing) {
  float* next = observed_.data();
  for (std::uint32_t slice = 0; slice < slices_; ++slice) {
    const std::size_t first = std::size_t{slice} * cols_ * stride_;
    const std::size_t values = std::min(cols_, head_dim_ - slice * cols_) * stride_;
    next = std::copy_n(core_.acc() + first, values, next);
    next = std::copy_n(core_.output() + first, values, next);
    next = std::copy_n(core_.reciprocal(), stride_, next);
  }
  Burst& burst = observe_out.burst;
  burst.observation = kOutputs;
  burst.tile = tile;
  burst.timing = beats_of(tile, timing);
  burst.lanes = 2 * cols_ + 1;
  burst.last_group_lanes = 2 * (head_dim_ - (slices_ - 1) * cols_) + 1;
  burst.group_stride = burst.lanes * stride_ * sizeof(float);
  burst.beat_stride = sizeof(float);
  burst.lane_stride = stride_ * sizeof(float);
  burst.values_stride = stride_;
  observe_out.write(0, observed_.data(),
                    static_cast<std::size_t>(next - observed_.data()) * sizeof(float));
}

}  // namespace attnguard
