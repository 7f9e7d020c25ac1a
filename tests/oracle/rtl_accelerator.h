// The Verilog accelerator of rtl/, simulated by Verilator: a run with one flip, as often as wanted.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/accelerator/attention_job.h"

namespace attnguard {

/// What the Verilog is built for; parameters of rtl/accelerator.sv.
AcceleratorConfig rtl_configuration();
AttentionShape rtl_shape(Mask mask);

/// Number of a register class in the Verilog by attnguard's name for it; empty if the Verilog does
/// not have it or does not model it as a fault site.
std::optional<std::uint8_t> rtl_site(std::string_view site_class);
std::size_t rtl_sites();

struct RtlFlip {
  std::uint8_t site = 0;  ///< 0: none
  std::uint16_t index = 0;
  std::uint32_t mask = 0;
  std::uint32_t cycle = 0;
};

/// A comparison; values are float32 bits.
struct RtlCheck {
  std::uint32_t query_row = 0, cycle = 0;
  std::uint32_t left = 0, right = 0, residual = 0, scale = 0;
  bool alarm = false;
};

struct RtlRun {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t cycles = 0;              ///< as RunResult::cycles
  std::vector<std::uint32_t> output;     ///< [tokens_q][head_dim], bfloat16 bits
  std::vector<std::uint64_t> committed;  ///< cycle in which external memory accepts each word
  std::vector<RtlCheck> checks;
  std::uint64_t alarm_cycle = kNever;  ///< the line is first high
};

class RtlAccelerator {
 public:
  explicit RtlAccelerator(const AttentionJob& job);
  ~RtlAccelerator();
  /// Throws std::runtime_error if the run does not end.
  RtlRun run(const RtlFlip& flip = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attnguard
