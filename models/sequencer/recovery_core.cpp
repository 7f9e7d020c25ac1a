#include "models/sequencer/recovery_core.h"

#include <algorithm>
#include <map>

namespace attnguard {

RecoveryCore::RecoveryCore(const RecoveryConfig& config, const JobLayout& layout, bool heads_only)
    : allowed_(config.retries),
      tiles_per_head_(layout.query_tiles),
      heads_only_(heads_only),
      whole_heads_(heads_only || config.policy == RecoveryPolicy::recompute_head),
      key_tiles_(!heads_only && config.policy == RecoveryPolicy::recompute_tile),
      attempts_(layout.output_tiles()),
      redone_(layout.output_tiles()) {}

void RecoveryCore::reset() {
  std::fill(attempts_.begin(), attempts_.end(), 0);
  std::fill(redone_.begin(), redone_.end(), false);
  tried_.clear();
  result_ = {};
}

std::optional<RestartPoint> RecoveryCore::interrupt(const std::vector<Blame>& blames,
                                                    std::uint32_t stored, CoveredTiles covered,
                                                    std::uint64_t cycle) {
  result_.alarm_cycle = std::min(result_.alarm_cycle, cycle);
  std::map<std::uint32_t, std::uint32_t> starts;  // key tile, by unit
  for (const Blame& blame : blames) {
    const std::uint32_t key_tile = key_tile_to_start_at(blame, stored, covered);
    const auto [start, first] = starts.try_emplace(unit_of(blame.tile), key_tile);
    if (!first) start->second = std::min(start->second, key_tile);
  }
  std::optional<RestartPoint> restart;
  for (const auto& [unit, key_tile] : starts) {
    if (attempts_[unit] == allowed_) {
      result_.exhausted = true;
      continue;
    }
    if (key_tile == 0) ++attempts_[unit];
    redone_[unit] = true;
    if (!restart) restart = RestartPoint{unit, key_tile};  // in ascending order
  }
  if (!restart) return restart;
  ++result_.retries;
  const std::uint32_t latest = heads_only_ ? head_start(stored) : stored;
  return restart->tile > latest ? RestartPoint{latest, 0} : *restart;
}

/// 0: the whole unit. A key tile that alarms again after it was done again was not the cause, and
/// where a query tile was done again its key tiles are no longer tried one by one.
std::uint32_t RecoveryCore::key_tile_to_start_at(const Blame& blame, std::uint32_t stored,
                                                 CoveredTiles covered) {
  if (!key_tiles_ || !blame.key_tile || blame.tile != stored || attempts_[blame.tile] > 0 ||
      *blame.key_tile < covered.first || covered.first > covered.last)
    return 0;
  if (!tried_.emplace(blame.tile, *blame.key_tile).second) return 0;
  return std::min(*blame.key_tile, covered.last);
}

}  // namespace attnguard
