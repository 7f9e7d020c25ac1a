// memory_protection: the error lines of the buffers' decoders, joined to one alarm.
//
// The detection is the decoders' (sram_buffer/check_code.h), which stand in the buffers: this
// checker observes no data, holds no state and makes no comparison. It alarms in the cycle after
// the word with the error stands at its reader.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/checksum_unit/checker_options.h"
#include "models/fabric/activity.h"
#include "models/fabric/field.h"

namespace attnguard {

struct MemoryProtectionConfig {
  static constexpr std::string_view kind = "memory_protection";
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const;

  bool corrected_errors = false;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"corrected_errors", "also alarm where a decoder corrected an error"},
      self.corrected_errors);
  }
};

class MemoryProtection final : public Checker {
 public:
  explicit MemoryProtection(const MemoryProtectionConfig& config) : config_(config) {}

  std::uint32_t needs() const override { return kCodeErrors; }
  std::vector<std::string> comparisons() const override { return {}; }
  bool compares_groups() const override { return false; }
  bool products_need_scores() const override { return false; }

  /// Cycle in which the alarm is set; all ones if it is not.
  static std::uint64_t alarm_cycle(const MemoryProtectionConfig& config, const CodeErrors& errors) {
    return config.corrected_errors ? std::min(errors.corrected_cycle, errors.detected_cycle)
                                   : errors.detected_cycle;
  }
  void code_errors(const CodeErrors& errors) override {
    const std::uint64_t cycle = alarm_cycle(config_, errors);
    if (cycle != ~std::uint64_t{0}) sink_->alarmed(cycle, errors.place);
  }
  /// None: the decoders and the check bits are the buffers'.
  std::optional<Arithmetic> arithmetic(const TilesSeen&) const override { return Arithmetic{}; }

 private:
  MemoryProtectionConfig config_;
};

inline std::unique_ptr<Checker> MemoryProtectionConfig::make_checker(
    const std::string&, const CheckerDimensions&) const {
  return std::make_unique<MemoryProtection>(*this);
}

}  // namespace attnguard
