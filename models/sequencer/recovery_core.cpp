#include "models/sequencer/recovery_core.h"

#include <algorithm>
#include <set>

namespace attnguard {

RecoveryCore::RecoveryCore(const RecoveryConfig& config, const JobLayout& layout, bool heads_only)
    : allowed_(config.retries),
      tiles_per_head_(layout.query_tiles),
      heads_only_(heads_only),
      whole_heads_(heads_only || config.policy == RecoveryPolicy::recompute_head),
      attempts_(layout.output_tiles()) {}

void RecoveryCore::reset() {
  std::fill(attempts_.begin(), attempts_.end(), 0);
  result_ = {};
}

std::optional<std::uint32_t> RecoveryCore::interrupt(const std::vector<std::uint32_t>& tiles,
                                                     std::uint32_t stored, std::uint64_t cycle) {
  result_.alarm_cycle = std::min(result_.alarm_cycle, cycle);
  std::set<std::uint32_t> units;
  for (const std::uint32_t tile : tiles) units.insert(unit_of(tile));
  std::optional<std::uint32_t> restart;
  for (const std::uint32_t unit : units) {
    if (attempts_[unit] == allowed_) {
      result_.exhausted = true;
      continue;
    }
    ++attempts_[unit];
    if (!restart) restart = unit;  // in ascending order
  }
  if (!restart) return restart;
  ++result_.retries;
  return std::min(*restart, heads_only_ ? head_start(stored) : stored);
}

}  // namespace attnguard
