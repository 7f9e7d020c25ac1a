// The Verilog accelerator of rtl/, translated by Verilator: a run with one fault, as often as
// wanted.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/accelerator/attention_job.h"
#include "models/fault_injector/fault.h"

namespace attnguard {

/// What can be chosen without building the Verilog anew.
struct RtlOptions {
  Mask mask = Mask::none;
  bool streamed = false;  ///< K and V come again for every query tile, else once per kv head
  Exp2Kind exp2 = Exp2Kind::polynomial;
  Format probability = Format::bfloat16, output = Format::bfloat16;
  std::uint32_t memory_latency_cycles = 7;
};
/// The simulator's description of the same hardware, and the shape of its job.
AcceleratorConfig rtl_configuration(const RtlOptions& options);
AttentionShape rtl_shape(Mask mask);

/// Register classes and links that the Verilog has as fault sites.
std::size_t rtl_site_classes();

/// A fault as the Verilog takes it: see rtl/accelerator.sv.
struct RtlFault {
  std::uint8_t site = 0;  ///< 0: none
  std::uint8_t effect = 0;
  std::uint16_t index = 0;
  std::uint32_t mask = 0;
  std::uint32_t cycle = 0;
  std::uint32_t period = 0, duty = 0;  ///< period 0: it strikes once
};
/// Empty if the Verilog does not have the site or the model.
std::optional<RtlFault> rtl_fault(const Fault& fault, const RegisterClass& cls, Format output);

/// A comparison; values are float32 bits.
struct RtlCheck {
  std::uint32_t head = 0, query_row = 0;
  std::uint64_t cycle = 0;
  std::uint32_t left = 0, right = 0, residual = 0, scale = 0;
  bool alarm = false;
};

struct RtlRun {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t cycles = 0;              ///< as RunResult::cycles
  std::vector<std::uint32_t> output;     ///< [heads][tokens_q][head_dim], bits in the output format
  std::vector<std::uint64_t> committed;  ///< cycle in which external memory accepts each value
  std::vector<RtlCheck> checks;
  std::uint64_t alarm_cycle = kNever;  ///< the line is first high
};

class RtlAccelerator {
 public:
  RtlAccelerator(const RtlOptions& options, const AttentionJob& job);
  ~RtlAccelerator();
  /// Throws std::runtime_error if the run does not end.
  RtlRun run(const RtlFault& fault = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attnguard
