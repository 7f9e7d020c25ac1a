// The fault universe: every storage element of the accelerator, declared by the unit that owns it,
// and when its bits are live. Site names, sizes and sampling come from here and from nowhere else.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/fabric/burst_shape.h"
#include "models/numerics/format.h"

namespace attnguard {

enum class Domain : std::uint8_t { function, safety_mechanism };
/// transfer: the transactions of a link as wholes. state: what decides which command is next; a
/// glob must name it, as `*` alone does not.
enum class StorageKind : std::uint8_t { register_file, sram, link, line, transfer, state };
/// Whether an addition forms what a register holds: at the write that begins a live interval, or
/// in every live cycle.
enum class Adder : std::uint8_t { none, per_write, per_cycle };

/// A family of equal registers declared by one unit.
struct RegisterClass {
  /// Site path with one {} per index, e.g. "array.pe[{}][{}].acc"; site class is the same with [*].
  std::string path;
  /// Extent of each index; empty for a single register. Index order is row-major.
  std::vector<std::uint32_t> extents;
  /// Width of one register in bits. On a link: of one lane of a beat.
  std::uint32_t bits = 0;
  Domain domain = Domain::function;
  StorageKind kind = StorageKind::register_file;
  /// Links only: lanes of a beat. The path has no index, the site is one wide register and bit b of
  /// lane l is bit l × bits + b.
  std::uint32_t lanes = 1;
  Adder adder = Adder::none;
  /// Transfers only: of the addresses that the target decodes; 0 where it looks at none.
  std::uint32_t address_bits = 0;
  /// Part of code words: who reads it gets what a decoder makes of them.
  bool coded = false;

  /// Number of sites.
  std::uint64_t instances() const;
  /// Width of one site in bits: bits × lanes.
  std::uint32_t site_bits() const { return bits * lanes; }
  /// Path with every index replaced by *.
  std::string site_class() const;
};

using RegisterId = std::uint32_t;

/// A site named by a path: which register, and its flattened index.
struct Site {
  RegisterId reg = 0;
  std::uint32_t index = 0;
};

/// A box of live (instance, cycle, bit) cells: instance index and first cycle and length are affine
/// in up to three loop counters. A bit is live at cycle t when its value after the update of cycle
/// t is read at a later cycle before it is overwritten (golden run).
struct LiveBlock {
  RegisterId reg = 0;
  /// Format of the value held; live bits are the low bits() of the register.
  Format format = Format::float32;
  std::uint32_t index = 0;  ///< flattened instance (on a link: the lane) at counters 0
  std::uint64_t start = 0;  ///< first live cycle at counters 0
  std::int64_t length = 1;  ///< live cycles at counters 0
  std::array<std::uint32_t, 3> count{1, 1, 1};
  std::array<std::int64_t, 3> index_step{0, 0, 0};
  std::array<std::int64_t, 3> start_step{0, 0, 0};
  std::array<std::int64_t, 3> length_step{0, 0, 0};
  /// Whose processing ends the life of the value: the tile that reads it last. In a buffer and on
  /// the links that fill it, the tile it was loaded for.
  TileId tile{};
  std::uint32_t flags = 1;  ///< with Format::flag: how many of them stand side by side

  std::uint32_t bits() const { return format == Format::flag ? flags : bits_of(format); }
  /// Live cycles of the instance at counters (i, j, k); 0 where the affine length is not positive.
  std::uint64_t length_at(std::uint32_t i, std::uint32_t j, std::uint32_t k) const {
    const std::int64_t cycles =
        length + length_step[0] * i + length_step[1] * j + length_step[2] * k;
    return cycles > 0 ? static_cast<std::uint64_t>(cycles) : 0;
  }
  /// Live cycles summed over the instances of the box (not multiplied by bits).
  std::uint64_t live_cycles() const;
};

/// A burst that crossed a link in the golden run.
struct BurstRecord {
  RegisterId link = 0;  ///< the link's register class
  BurstShape shape;
  std::uint64_t address = 0;  ///< of the payload
  /// Cycle at which the simulator moved the payload and the receiver could act on it.
  std::uint64_t arrival_cycle = 0;
};

/// Collects live blocks and bursts while a golden run is recorded; units call add() only when
/// enabled().
class LiveLog {
 public:
  bool enabled() const { return enabled_; }
  void start() {
    blocks_.clear();
    bursts_.clear();
    enabled_ = true;
  }
  void stop() { enabled_ = false; }
  void add(const LiveBlock& block) {
    if (block.length > 0 || block.length_step != std::array<std::int64_t, 3>{})
      blocks_.push_back(block);
  }
  void add(const BurstRecord& burst) { bursts_.push_back(burst); }
  const std::vector<LiveBlock>& blocks() const { return blocks_; }
  const std::vector<BurstRecord>& bursts() const { return bursts_; }

 private:
  bool enabled_ = false;
  std::vector<LiveBlock> blocks_;
  std::vector<BurstRecord> bursts_;
};

/// Whether `text` matches `glob`, in which * stands for any run of characters:
/// "array.pe[3][*].acc", "softmax.*", "*".
bool glob_matches(std::string_view glob, std::string_view text);

/// All register classes of an accelerator, in declaration order.
class FaultUniverse {
 public:
  RegisterId declare(RegisterClass cls);
  const std::vector<RegisterClass>& classes() const { return classes_; }
  const RegisterClass& operator[](RegisterId reg) const { return classes_[reg]; }

  /// "array.pe[3][7].acc"
  std::string name(Site site) const;
  /// The site with exactly this path, if there is one.
  std::optional<Site> find(std::string_view path) const;
  /// Whether every site of the class matches the glob whatever its index; whether some site does.
  bool matches_all(RegisterId reg, std::string_view glob) const;
  bool class_matches(RegisterId reg, std::string_view glob) const;

 private:
  std::vector<RegisterClass> classes_;
};

}  // namespace attnguard
