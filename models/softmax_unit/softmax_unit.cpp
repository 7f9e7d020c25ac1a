#include "models/softmax_unit/softmax_unit.h"

#include <algorithm>

#include "models/checksum_unit/checker.h"

namespace attnguard {

SoftmaxUnit::SoftmaxUnit(sc_core::sc_module_name name, SoftmaxCore& core, std::uint32_t rows,
                         std::uint32_t cols, Format probability, RunMonitor& monitor,
                         FaultUniverse& universe, LiveLog& log)
    : sc_module(name),
      score_in("score_in"),
      probability_out("probability_out", &monitor),
      scalar_out("scalar_out", &monitor),
      observe_out("observe_out"),
      core_(core),
      stride_(lane_stride(rows)),
      format_(probability),
      log_(log),
      raw_probability_(stride_ * cols * bytes_of(probability)),
      scalars_(stride_),
      observed_scalars_(stride_) {
  core_.declare(universe, this->basename());
  score_in.register_b_transport(this, &SoftmaxUnit::receive_scores);
}

void SoftmaxUnit::reset(const SoftmaxJob& job) {
  core_.reset(job);
  busy_cycles_ = 0;
  for (BurstPort* port : {&probability_out, &scalar_out, &observe_out}) port->reset();
}

UnitStats SoftmaxUnit::stats(std::uint64_t total_cycles) const {
  UnitStats stats;
  stats.busy_cycles = busy_cycles_;
  stats.stall_cycles[kIdle] = total_cycles - busy_cycles_;
  return stats;
}

void SoftmaxUnit::receive_scores(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const Burst& score = burst_of(payload);
  core_.process(score.tile, reinterpret_cast<float*>(payload.get_data_ptr()),
                score.timing.first_cycle, log_);
  busy_cycles_ += score.tile.rows;
  if (track_ != nullptr) track_->add_beats(score.timing, 1, {}, score.tile.id());
  if (checkpoints_.keeping()) {
    Checkpoints::Copy& copy = checkpoints_.after(
        score.tile, score.timing.first_cycle + score.tile.rows - 1 + core_.timing().sum);
    copy.add(core_.max(), stride_);
    copy.add(core_.sum(), stride_);
  }
  send_probabilities(score);
  send_scalars(score, score.timing.first_cycle + core_.timing().alpha + 1, core_.alpha(), false);
  if (score.tile.last)
    send_scalars(score, score.timing.first_cycle + core_.timing().sum + 1, core_.sum(), true);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

/// Beat = row; the tile lies lane-major, [cols][stride].
void SoftmaxUnit::send_probabilities(const Burst& score) {
  const std::size_t count = score.tile.cols * stride_;
  encode_values(format_, core_.probability(), raw_probability_.data(), count);
  Burst& burst = probability_out.burst;
  burst.tile = score.tile;
  burst.timing = score.timing;
  burst.timing.first_cycle += core_.timing().alpha + 1;
  burst.format = format_;
  burst.lanes = burst.last_group_lanes = score.tile.cols;
  burst.beat_stride = bytes_of(format_);
  burst.lane_stride = stride_ * bytes_of(format_);
  probability_out.write(0, raw_probability_.data(), count * bytes_of(format_));
}

void SoftmaxUnit::send_scalars(const Burst& score, std::uint64_t first_cycle, const float* values,
                               bool sums) {
  Burst& burst = scalar_out.burst;
  burst.tile = score.tile;
  burst.timing = score.timing;
  burst.timing.first_cycle = first_cycle;
  burst.lanes = burst.last_group_lanes = 1;
  burst.first_lane = sums ? 1 : 0;
  burst.beat_stride = sizeof(float);
  burst.values_stride = stride_;
  // Each link carries its own copy, so that a fault on one does not reach the other.
  std::copy_n(values, stride_, scalars_.data());
  scalar_out.write(sums ? 1 : 0, scalars_.data(), stride_ * sizeof(float));
  if ((observations_ & kScalars) == 0) return;
  observe_out.burst = burst;
  observe_out.burst.observation = kScalars;
  std::copy_n(values, stride_, observed_scalars_.data());
  observe_out.write(sums ? 1 : 0, observed_scalars_.data(), stride_ * sizeof(float));
}

}  // namespace attnguard
