// The storage of one double-buffered SRAM: words, check bits, lines, access timing and liveness.
// Plain C++.
//
// A line holds `line_elements` elements and is what one beat moves. Beat b of a burst touches its
// line at the beat's cycle, though the bytes move at once; flips are applied when the word is next
// accessed (see register_tap.h).
//
// With protection a line is a number of code groups (code_group.h), encoded as a whole when the
// line is written. A read decodes the groups that hold used lanes; the array keeps what stands in
// it. A group without a fault holds what the encoder made of it, so only the others go through
// encoder and decoder here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/fabric/code_reads.h"
#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"
#include "models/numerics/lane_tile.h"
#include "models/sram_buffer/code_group.h"

namespace attnguard {

/// Lines of a tile as a burst moves them; line (group, beat) lies at address + (group × beats +
/// beat) × line bytes.
struct LineAccess {
  std::uint64_t address = 0;  ///< bytes
  BeatTiming timing;
  std::uint32_t lanes = 1;  ///< used elements of a line
  std::uint32_t last_group_lanes = 1;
  TileContext tile;
};

class SramCore {
 public:
  SramCore(const BufferConfig& config, Format element, std::uint32_t line_elements);

  void declare(FaultUniverse& universe, const std::string& name);
  void reset();
  /// What is stored counts as never written.
  void abandon(std::uint64_t cycle);

  std::uint32_t line_elements() const { return line_elements_; }
  std::uint32_t line_bytes() const { return line_elements_ * element_bytes_; }
  std::uint64_t half_bytes() const { return storage_.size() / 2; }
  std::uint64_t size_bytes() const { return storage_.size(); }
  /// Cycles per beat: port width and bank conflicts of a line of consecutive words.
  std::uint32_t beat_interval_cycles() const { return beat_interval_; }

  /// The bytes lie within the storage and begin where the address decoder can point: at any
  /// element, with protection at a code group.
  bool holds(std::uint64_t address, std::uint64_t bytes) const {
    return address <= storage_.size() && bytes <= storage_.size() - address &&
           (!code_ || address % code_->bytes() == 0);
  }
  /// Lines that stand in the buffer before cycle 0, as someone wrote them before the job.
  void preload(const LineAccess& access, const std::byte* data);
  /// Lines are written; the words change at their beat's cycle + write latency.
  void write(const LineAccess& access, const std::byte* data, LiveLog& log);
  /// Lines are read at their beats' cycles. False if one of them is not yet completely written.
  bool read(const LineAccess& access, std::byte* data);
  /// End of the run: the last contents have had their last read.
  void flush_live(LiveLog& log);

  RegisterTap& tap() { return tap_; }
  RegisterId reg() const { return reg_; }
  /// Of the check bits; only with protection.
  RegisterId check_reg() const { return check_reg_; }
  /// Reads of code words in error since the reset.
  const CodeReads& code_reads() const { return code_reads_; }
  /// Of the last read: cycles are those in which the data stand at the reader.
  const CodeErrors& code_errors() const { return code_errors_; }

 private:
  /// What was written at an address and when it was last read.
  struct Region {
    LineAccess written;
    LineAccess last_read;
    bool was_read = false;
    bool preloaded = false;  ///< before cycle 0, whatever `written` says
    std::uint64_t run =
        0;  ///< the run that wrote it; contents of earlier runs count as never written
  };

  /// A code group that a fault has reached since it was written.
  struct FaultyGroup {
    std::vector<std::byte> written;  ///< what was encoded
    std::uint64_t check = 0;         ///< as it stands
  };

  Region* find_region(std::uint64_t address);
  void add_live(const Region& region, LiveLog& log) const;
  void add_live_sites(const Region& region, std::uint32_t site_bytes, std::uint32_t first,
                      std::uint32_t step, std::uint32_t count, std::uint32_t last_count,
                      LiveBlock block, LiveLog& log) const;
  std::uint32_t read_lanes(std::uint32_t used) const;
  std::uint64_t byte_of(const Site& site) const;
  std::optional<std::uint64_t> read_cycle(const LineAccess& access, std::uint64_t byte) const;
  template <class Touch>
  void touch_faulty_sites(const LineAccess& access, Touch touch);
  FaultyGroup& faulty_group(std::uint64_t byte);
  void read_site(const Site& site, std::uint64_t cycle, const Place& place);
  void decode_faulty_groups(const LineAccess& access, std::byte* data);

  std::uint32_t line_elements_, element_bytes_, word_bytes_;
  Format element_;
  std::uint32_t read_latency_, write_latency_;
  std::uint32_t beat_interval_;
  AlignedVector<std::byte> storage_;
  std::unordered_map<std::uint64_t, Region> regions_;  ///< by address
  std::array<Region*, 64> recent_regions_{};           ///< found before, by a hash of the address
  std::uint64_t run_ = 1;
  RegisterTap tap_;
  RegisterId reg_ = 0, check_reg_ = 0;
  std::optional<CodeGroup> code_;
  std::map<std::uint64_t, FaultyGroup> faulty_groups_;  ///< by first byte
  CodeReads code_reads_;
  CodeErrors code_errors_;
};

}  // namespace attnguard
