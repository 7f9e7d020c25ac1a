// What the decoders of protected buffers make of a flip, told from the flipped bits alone.
//
// The codes are linear: whether a decoder sees an error, and what it leaves of it, depends on the
// bits that differ from what was written and not on the data.
#pragma once

#include <optional>
#include <vector>

#include "models/sram_buffer/code_group.h"
#include "src/campaign/differential/golden_group.h"
#include "src/campaign/injections/measurement.h"

namespace attnguard {

struct DecodedFlip {
  CodeReads reads;         ///< of one read of the group
  std::uint32_t mask = 0;  ///< bits of the flipped word that its reader sees changed
  bool elsewhere = false;  ///< the reader of other words sees them changed
};

class ProtectedBuffers {
 public:
  explicit ProtectedBuffers(const GoldenJob& job);
  ProtectedBuffers(const ProtectedBuffers&) = delete;
  ProtectedBuffers& operator=(const ProtectedBuffers&) = delete;

  /// Words or check bits of a protected buffer.
  bool holds(RegisterId reg) const { return buffer_of_[reg] != nullptr; }
  const CodeGroup& code(RegisterId reg) const { return buffer_of_[reg]->code; }
  DecodedFlip decode(const Fault& fault) const;
  /// A flip of check bits in the cycle it has, in the first word of its group.
  Fault first_word(const Fault& fault) const;
  /// `count` reads of the flip, the first of which crosses in `cycle`, and the alarms they raise.
  void add_reads(const Fault& fault, const DecodedFlip& flip, std::uint64_t count,
                 std::uint64_t cycle, Measurement& measurement) const;

 private:
  struct Buffer {
    CodeGroup code;
    std::uint32_t word_bytes = 2, read_latency_cycles = 1;
    RegisterId words = 0, checks = 0;
  };

  const GoldenJob& job_;
  std::optional<Buffer> buffers_[4];
  std::vector<const Buffer*> buffer_of_;  ///< by RegisterId
};

}  // namespace attnguard
