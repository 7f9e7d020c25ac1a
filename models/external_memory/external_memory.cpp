#include "models/external_memory/external_memory.h"

#include <algorithm>
#include <cstring>

namespace attnguard {

ExternalMemory::ExternalMemory(sc_core::sc_module_name name, ExternalMemoryCore& core,
                               const Clock& clock)
    : sc_module(name), read_in("read_in"), write_in("write_in"), core_(core), clock_(clock) {
  read_in.register_b_transport(this, &ExternalMemory::read);
  write_in.register_b_transport(this, &ExternalMemory::write);
}

void ExternalMemory::read(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  // The initiator says how fast it can take lines; the memory decides when they come.
  if (!core_.holds(payload.get_address(), payload.get_data_length())) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  Burst& burst = burst_of(payload);
  BeatTiming& timing = burst.timing;
  timing.first_cycle = core_.serve_read(clock_.cycle(), std::uint64_t{timing.groups} * timing.beats,
                                        timing.beat_interval_cycles);
  timing.group_interval_cycles = timing.beats * timing.beat_interval_cycles;
  std::memcpy(payload.get_data_ptr(), core_.at(payload.get_address()), payload.get_data_length());
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void ExternalMemory::write(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  if (!core_.holds(payload.get_address(), payload.get_data_length())) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  core_.write(payload.get_address(), payload.get_data_ptr(), payload.get_data_length());
  if (committed) committed(burst_of(payload), payload.get_address());
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace attnguard
