#include "models/checksum_unit/checker_registers.h"

namespace attnguard {

void RegisterBook::declare(FaultUniverse& universe) {
  RegisterClass cls;
  cls.path = shape_.path;
  cls.extents = shape_.extents;
  cls.bits = bits_of(shape_.format);
  cls.domain = Domain::safety_mechanism;
  cls.kind = shape_.storage;
  if (shape_.adder) cls.adder = Adder::per_write;
  reg_ = universe.declare(cls);
}

Place RegisterBook::place(const TileContext& tile, std::uint32_t lane) const {
  Place at;
  at.head = static_cast<std::int32_t>(tile.head);
  if (shape_.meaning != LaneMeaning::element)
    at.query_row = static_cast<std::int32_t>(tile.first_row + lane);
  at.key_tile = static_cast<std::int32_t>(tile.key_tile);
  return at;
}

void RegisterBook::log_read(std::uint32_t group, std::uint32_t count, LaneCycles cycles,
                            const TileContext& tile) {
  const LaneCycles since = std::exchange(last_[group], cycles);
  if (!watch_.recording()) return;
  LiveBlock block;
  block.tile = tile.id();
  block.reg = reg_;
  block.format = shape_.format;
  block.index = site(group, 0);
  block.start = since.first;
  block.length = static_cast<std::int64_t>(cycles.first - since.first);
  block.count[0] = count;
  block.index_step[0] = shape_.meaning == LaneMeaning::row ? shape_.groups : 1;
  block.start_step[0] = since.step;
  block.length_step[0] = cycles.step - since.step;
  watch_.log->add(block);
}

void RegisterBook::log_beats(std::uint32_t group, std::uint32_t count, LaneCycles first,
                             std::uint32_t beats, std::uint32_t interval, const TileContext& tile) {
  last_[group] = first + std::uint64_t{beats - 1} * interval;
  if (!watch_.recording() || beats < 2) return;
  LiveBlock block;
  block.tile = tile.id();
  block.reg = reg_;
  block.format = shape_.format;
  block.index = site(group, 0);
  block.start = first.first;
  block.length = interval;
  block.count = {count, beats - 1, 1};
  block.index_step[0] = shape_.meaning == LaneMeaning::row ? shape_.groups : 1;
  block.start_step = {first.step, interval, 0};
  watch_.log->add(block);
}

}  // namespace attnguard
