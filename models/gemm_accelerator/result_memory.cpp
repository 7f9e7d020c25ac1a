#include "models/gemm_accelerator/result_memory.h"

#include <algorithm>
#include <cstring>

namespace attnguard {

ResultMemory::ResultMemory(sc_core::sc_module_name name, const GemmLayout& layout)
    : sc_module(name), lines_in("lines_in"), layout_(layout), bytes_(layout.c.bytes()) {
  lines_in.register_b_transport(this, &ResultMemory::write);
}

void ResultMemory::reset() { std::fill(bytes_.begin(), bytes_.end(), std::byte{0}); }

/// Beat b is line b of the tile at the address; lanes past its used ones stay.
void ResultMemory::write(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const Burst& burst = burst_of(payload);
  const std::uint64_t address = payload.get_address();
  const std::size_t element = layout_.c.element_bytes, line = layout_.c.line_bytes();
  const std::uint64_t end = address + (burst.timing.beats - 1) * line + burst.lanes * element;
  if (end > bytes_.size()) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  const unsigned char* values = payload.get_data_ptr();
  for (std::uint32_t beat = 0; beat < burst.timing.beats; ++beat)
    for (std::uint32_t lane = 0; lane < burst.lanes; ++lane)
      std::memcpy(bytes_.data() + address + beat * line + lane * element,
                  values + burst.offset(0, beat, lane), element);
  if (committed) committed(burst, address);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace attnguard
