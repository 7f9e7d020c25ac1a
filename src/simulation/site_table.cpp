#include "src/simulation/site_table.h"

#include <algorithm>
#include <cstddef>

namespace attnguard {
namespace {

// Extremes of an affine function lie at the corners of the box; only where lengths vary (and may be
// empty) does every cell of the box count.
std::uint32_t stride(const LiveBlock& block, std::size_t dimension) {
  const bool corners = block.length_step == std::array<std::int64_t, 3>{};
  return corners ? std::max(block.count[dimension] - 1, 1U) : 1;
}

void widen(SiteRow& row, const LiveBlock& block) {
  for (std::uint32_t a = 0; a < block.count[0]; a += stride(block, 0))
    for (std::uint32_t b = 0; b < block.count[1]; b += stride(block, 1))
      for (std::uint32_t c = 0; c < block.count[2]; c += stride(block, 2)) {
        const auto at = [&](std::int64_t base, const std::array<std::int64_t, 3>& step) {
          return base + a * step[0] + b * step[1] + c * step[2];
        };
        const std::int64_t length = at(block.length, block.length_step);
        if (length <= 0) continue;
        const auto start = static_cast<std::uint64_t>(
            at(static_cast<std::int64_t>(block.start), block.start_step));
        const std::uint64_t last = start + static_cast<std::uint64_t>(length) - 1;
        row.first_live_cycle = std::min(row.first_live_cycle.value_or(start), start);
        row.last_live_cycle = std::max(row.last_live_cycle.value_or(last), last);
      }
}

}  // namespace

std::vector<SiteRow> site_table(const FaultUniverse& universe, const std::vector<LiveBlock>& blocks,
                                std::uint64_t cycles) {
  std::vector<SiteRow> rows;
  for (const RegisterClass& cls : universe.classes()) {
    SiteRow& row = rows.emplace_back();
    row.site_class = cls.site_class();
    row.domain = cls.domain;
    row.kind = cls.kind;
    row.instances = cls.instances();
    row.bits = cls.instances() * cls.site_bits();
  }
  for (const LiveBlock& block : blocks) {
    SiteRow& row = rows.at(block.reg);
    row.live_bit_cycles += block.live_cycles() * block.bits();
    widen(row, block);
  }
  for (SiteRow& row : rows)
    row.live_share = static_cast<double>(row.live_bit_cycles) /
                     (static_cast<double>(row.bits) * static_cast<double>(cycles));
  return rows;
}

std::string_view domain_name(Domain domain) {
  return domain == Domain::function ? "function" : "safety_mechanism";
}

std::string_view storage_kind_name(StorageKind kind) {
  constexpr std::string_view kNames[] = {"register_file", "sram",     "link",
                                         "line",          "transfer", "state"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace attnguard
