#include "models/sram_buffer/sram_buffer.h"

namespace attnguard {

SramBuffer::SramBuffer(sc_core::sc_module_name name, SramCore& core, FaultUniverse& universe,
                       LiveLog& log)
    : sc_module(name),
      lines_in("lines_in"),
      lines_out("lines_out"),
      observe_out("observe_out"),
      core_(core),
      log_(log) {
  core_.declare(universe, this->basename());
  lines_in.register_b_transport(this, &SramBuffer::write_lines);
  lines_out.register_b_transport(this, &SramBuffer::read_lines);
}

void SramBuffer::reset() {
  core_.reset();
  observe_out.reset();
  for (Port* port : {&read_, &write_}) port->beats = port->conflict_cycles = 0;
}

void SramBuffer::write_lines(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const Burst& burst = burst_of(payload);
  if (!core_.holds(payload.get_address(), payload.get_data_length())) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  core_.write(access_of(payload, burst), reinterpret_cast<const std::byte*>(payload.get_data_ptr()),
              log_);
  count(write_, burst);
  if (observe_written_ != 0) send_observation(payload, burst, observe_written_);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void SramBuffer::read_lines(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const Burst& burst = burst_of(payload);
  if (!core_.holds(payload.get_address(), payload.get_data_length())) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  if (!core_.read(access_of(payload, burst),
                  reinterpret_cast<std::byte*>(payload.get_data_ptr()))) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  count(read_, burst);
  if (report_errors_ && core_.code_errors().any()) report_errors_(core_.code_errors());
  if (observe_read_ != 0) send_observation(payload, burst, observe_read_);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

LineAccess SramBuffer::access_of(const tlm::tlm_generic_payload& payload,
                                 const Burst& burst) const {
  LineAccess access;
  access.address = payload.get_address();
  access.timing = burst.timing;
  access.lanes = burst.lanes;
  access.last_group_lanes = burst.last_group_lanes;
  access.tile = burst.tile;
  return access;
}

void SramBuffer::send_observation(const tlm::tlm_generic_payload& payload, const Burst& burst,
                                  std::uint32_t observation) {
  observe_out.burst = burst;
  observe_out.burst.observation = observation;
  observe_out.burst.first_lane = observation == observe_read_ ? core_.line_elements() : 0;
  observe_out.burst.tile.half = payload.get_address() >= core_.half_bytes() ? 1 : 0;
  // A copy: a fault on this link must not reach the reader of the buffer.
  const unsigned char* data = payload.get_data_ptr();
  observed_.assign(data, data + payload.get_data_length());
  observe_out.write(0, observed_.data(), observed_.size());
}

void SramBuffer::count(Port& port, const Burst& burst) {
  const std::uint64_t beats = std::uint64_t{burst.timing.groups} * burst.timing.beats;
  const std::uint32_t conflict_cycles = core_.beat_interval_cycles() - 1;
  port.beats += beats;
  port.conflict_cycles += beats * conflict_cycles;
  if (port.track != nullptr)
    port.track->add_beats(burst.timing, 1, {}, burst.tile.id(), conflict_cycles, kConflict);
}

UnitStats SramBuffer::port_stats(const Port& port, std::uint64_t total_cycles) const {
  UnitStats stats;
  stats.busy_cycles = port.beats;
  stats.stall_cycles[kConflict] = port.conflict_cycles;
  stats.stall_cycles[kIdle] = total_cycles - port.beats - port.conflict_cycles;
  return stats;
}

}  // namespace attnguard
