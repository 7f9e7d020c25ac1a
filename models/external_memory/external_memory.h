// External memory behind separate read and write channels.
//
// Not modelled: rows, banks and refresh of a DRAM, faults of its cells (assumed protected by its
// own ECC). Timing: a line crosses every ⌈line bytes / bytes_per_cycle⌉ cycles per direction, the
// first latency_cycles after its request; requests are served in order and may follow each other,
// so a chain of transfers pays the latency once. A write line is accepted in the cycle in which it
// crosses.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <systemc>

#include "models/external_memory/external_memory_core.h"
#include "models/fabric/burst.h"
#include "models/fabric/clock.h"

namespace attnguard {

class ExternalMemory final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<ExternalMemory> read_in, write_in;

  ExternalMemory(sc_core::sc_module_name name, ExternalMemoryCore& core, const Clock& clock);

  /// Called with every accepted output burst: what reached memory, when and where.
  std::function<void(const Burst&, std::uint64_t address)> committed;

 private:
  void read(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void write(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  ExternalMemoryCore& core_;
  const Clock& clock_;
};

}  // namespace attnguard
