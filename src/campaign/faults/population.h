// The population faults are drawn from: live bits × cycles of the golden run, cut into strata.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "models/fault_injector/fault.h"
#include "models/fault_injector/fault_universe.h"
#include "src/campaign/faults/random_stream.h"
#include "src/campaign/faults/selection.h"

namespace attnguard {

/// "sign", "exponent", "mantissa", "control".
std::string_view bit_field_name(BitField field);

/// Live cells of one stratum: pieces of live blocks, each with a run of adjacent bits.
class Stratum {
 public:
  /// `reg` is meaningful for a stratum of a single register class.
  Stratum(std::string name, Domain domain, RegisterId reg)
      : name_(std::move(name)), domain_(domain), reg_(reg) {}

  const std::string& name() const { return name_; }
  void rename(std::string name) { name_ = std::move(name); }
  Domain domain() const { return domain_; }
  RegisterId reg() const { return reg_; }
  std::uint64_t live_bit_cycles() const { return ends_.empty() ? 0 : ends_.back(); }
  std::size_t memory_bytes() const {
    return pieces_.size() * (sizeof(Piece) + sizeof(std::uint64_t));
  }

  /// For so many blocks; costs nothing that is not used.
  void reserve(std::size_t blocks) {
    pieces_.reserve(blocks);
    ends_.reserve(blocks);
  }
  /// The cells of `block` at bits first_bit .. first_bit + bits − 1; lane_bits > 0 for a link.
  void add(const LiveBlock& block, std::uint32_t first_bit, std::uint32_t bits,
           std::uint32_t lane_bits);
  /// The same for the first live cycle of each instance only.
  void add_first(const LiveBlock& block, std::uint32_t first_bit, std::uint32_t bits);
  /// All cells of another stratum.
  void add(const Stratum& other);
  /// One live cell, all equally likely: site, bit and cycle of a single flip; `from` is the block
  /// that holds it.
  Fault draw(RandomStream& random, LiveBlock& from) const;

 private:
  struct Piece {
    LiveBlock block;
    std::uint32_t first_bit, bits, lane_bits;
    std::uint64_t longest;  ///< upper bound of the block's length over its counters
  };
  void add(const Piece& piece, std::uint64_t cells);

  std::string name_;
  Domain domain_;
  RegisterId reg_;
  std::vector<Piece> pieces_;
  std::vector<std::uint64_t> ends_;  ///< cumulated live bit-cycles
};

/// Site class × bit field strata of the selected classes that have live bits, in declaration order;
/// named
/// "<site class>/<bit field>".
std::vector<Stratum> live_strata(const FaultUniverse& universe,
                                 const std::vector<SelectedClass>& selected,
                                 const std::vector<LiveBlock>& blocks);
/// The same for additions whose result is live: sign bits, which no carry reaches, are left out.
std::vector<Stratum> addition_strata(const FaultUniverse& universe,
                                     const std::vector<SelectedClass>& selected,
                                     const std::vector<LiveBlock>& blocks);
/// A stratum per class: every bit of every selected site, in cycle 0; its live_bit_cycles() are
/// bits.
std::vector<Stratum> permanent_strata(const FaultUniverse& universe,
                                      const std::vector<SelectedClass>& selected);
/// A stratum per link: its transactions, or with `addresses` their address bits.
std::vector<Stratum> transfer_strata(const FaultUniverse& universe,
                                     const std::vector<SelectedClass>& selected,
                                     const std::vector<LiveBlock>& blocks, bool addresses);

}  // namespace attnguard
