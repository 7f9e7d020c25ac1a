#include "src/campaign/differential/live_index.h"

#include <algorithm>

namespace attnguard {
namespace {

// Calls use(instance, first live cycle, live cycles) for every cell of the box until it says true.
template <class Use>
bool any_cell(const LiveBlock& block, Use use) {
  for (std::uint32_t i = 0; i < block.count[0]; ++i)
    for (std::uint32_t j = 0; j < block.count[1]; ++j)
      for (std::uint32_t k = 0; k < block.count[2]; ++k) {
        const auto at = [&](std::int64_t base, const std::array<std::int64_t, 3>& step) {
          return base + i * step[0] + j * step[1] + k * step[2];
        };
        const auto start = static_cast<std::uint64_t>(
            at(static_cast<std::int64_t>(block.start), block.start_step));
        if (use(static_cast<std::uint32_t>(at(block.index, block.index_step)), start,
                block.length_at(i, j, k)))
          return true;
      }
  return false;
}

}  // namespace

LiveIndex::LiveIndex(const FaultUniverse& universe, const std::vector<LiveBlock>& blocks)
    : universe_(universe), blocks_(blocks) {}

void LiveIndex::build() {
  by_register_.resize(universe_.classes().size());
  for (const LiveBlock& block : blocks_) {
    Span span{&block, ~std::uint64_t{0}, 0};
    any_cell(block, [&](std::uint32_t, std::uint64_t start, std::uint64_t length) {
      span.start = std::min(span.start, start);
      span.end = std::max(span.end, start + length);
      return false;
    });
    by_register_[block.reg].push_back(span);
  }
}

const LiveBlock* LiveIndex::find(const Fault& fault) {
  if (by_register_.empty()) build();
  const RegisterClass& cls = universe_[fault.site.reg];
  const bool link = cls.kind == StorageKind::link;
  const std::uint32_t instance = link ? fault.bit / cls.bits : fault.site.index;
  const std::uint32_t bit = link ? fault.bit % cls.bits : fault.bit;
  for (const Span& span : by_register_[fault.site.reg]) {
    if (fault.cycle < span.start || fault.cycle >= span.end || bit >= span.block->bits()) continue;
    if (any_cell(*span.block, [&](std::uint32_t index, std::uint64_t start, std::uint64_t length) {
          return index == instance && start <= fault.cycle && fault.cycle < start + length;
        }))
      return span.block;
  }
  return nullptr;
}

}  // namespace attnguard
