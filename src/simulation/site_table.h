// The fault universe as a table: one row per site class.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/fault_injector/fault_universe.h"

namespace attnguard {

struct SiteRow {
  std::string site_class;
  Domain domain = Domain::function;
  StorageKind kind = StorageKind::register_file;
  std::uint64_t instances = 0;
  std::uint64_t bits = 0;  ///< of all instances together
  std::uint64_t live_bit_cycles = 0;
  double live_share = 0;                                           ///< of bits × cycles
  std::optional<std::uint64_t> first_live_cycle, last_live_cycle;  ///< empty when never live
};

/// In declaration order; `cycles` is the length of the golden run.
std::vector<SiteRow> site_table(const FaultUniverse& universe, const std::vector<LiveBlock>& blocks,
                                std::uint64_t cycles);

std::string_view domain_name(Domain domain);
std::string_view storage_kind_name(StorageKind kind);

}  // namespace attnguard
