// Where the values of C are written, as external memory is in attention.
//
// Not modelled: latency and bandwidth (a line is taken in the cycle in which it crosses), faults of
// its cells (assumed protected by its own code).
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

#include "models/fabric/burst.h"
#include "models/gemm_accelerator/gemm_layout.h"

namespace attnguard {

class ResultMemory final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<ResultMemory> lines_in;

  ResultMemory(sc_core::sc_module_name name, const GemmLayout& layout);

  /// Called with every accepted burst.
  std::function<void(const Burst&, std::uint64_t address)> committed;

  /// Start of a job: all values +0.
  void reset();
  std::uint64_t size_bytes() const { return bytes_.size(); }
  /// [m][n] raw output bits.
  std::vector<std::uint32_t> output() const { return layout_.unpack_c(bytes_.data()); }

 private:
  void write(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  const GemmLayout& layout_;
  std::vector<std::byte> bytes_;
};

}  // namespace attnguard
