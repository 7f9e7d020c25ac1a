#include "src/campaign/differential/differential_engine.h"

#include <string>

#include "src/simulation/errors.h"

namespace attnguard {

DifferentialEngine::DifferentialEngine(const GoldenJob& job, const std::vector<LiveBlock>& blocks,
                                       std::uint64_t memory_bytes)
    : job_(job),
      memory_bytes_(memory_bytes),
      members_(members_of(job_.checkers)),
      units_(job_),
      index_(job_.universe, blocks),
      kinds_(site_kinds(job_.universe)),
      checker_registers_(job_.universe.classes().size()),
      locator_(job_, units_),
      replay_(job_, units_),
      outputs_(job_) {
  for (std::uint32_t c = 0; c < units_.checkers.size(); ++c)
    for (const RegisterBook* book : units_.checkers[c]->registers())
      if (book->declared()) checker_registers_[book->reg()] = {c, book};
}

const LiveBlock* DifferentialEngine::block_of(const Injection& injection) const {
  return injection.block ? &*injection.block : index_.find(injection.fault);
}

Assignment DifferentialEngine::assign(const Injection& injection) const {
  const SiteKind kind = kinds_[injection.fault.site.reg];
  if (kind == SiteKind::unknown || engine_of(injection.model()) == "full") return {true, 0, 0};
  if (kind == SiteKind::control) return {!job_.foresee(injection.fault, nullptr), 0, 0};
  const LiveBlock* block = kind == SiteKind::alarm_line ? nullptr : block_of(injection);
  if (block == nullptr) return {};
  const std::uint32_t heads = job_.layout.shape.heads / job_.layout.shape.kv_heads;
  const TileId& tile = block->tile;
  return {false, tile.head / heads, tile.head % heads * job_.layout.query_tiles + tile.query_tile};
}

void DifferentialEngine::load(std::uint32_t group) {
  group_.reset();
  group_ = std::make_unique<GoldenGroup>(job_, units_, group, memory_bytes_);
}

void DifferentialEngine::measure(const Injection& injection, Measurement& measurement) {
  measure_checkers(injection, measurement);
  combine(members_, measurement.checkers);
}

void DifferentialEngine::measure_checkers(const Injection& injection, Measurement& measurement) {
  replay_.clear(measurement);
  const Fault& fault = injection.fault;
  const SiteKind kind = kinds_[fault.site.reg];
  if (kind == SiteKind::alarm_line) return flip_alarm_line(fault, measurement);
  if (kind == SiteKind::control && job_.foresee(fault, &measurement)) return;
  const LiveBlock* block = block_of(injection);
  if (block == nullptr) return;
  const std::uint32_t tile = group_->schedule().tile_index(block->tile);
  const std::uint32_t step = block->tile.key_tile;
  switch (kind) {
    case SiteKind::q_word:
    case SiteKind::k_word:
    case SiteKind::v_word:
    case SiteKind::load_link:
    case SiteKind::q_load_link:
    case SiteKind::k_load_link:
    case SiteKind::v_load_link:
    case SiteKind::q_read_link:
    case SiteKind::k_read_link:
    case SiteKind::v_read_link:
    case SiteKind::q_observation:
    case SiteKind::k_observation:
    case SiteKind::v_observation:
      return change_operand(kind, fault, tile, step, measurement);
    case SiteKind::o_word:
    case SiteKind::output_link:
    case SiteKind::stored_link:
    case SiteKind::commit_link:
      return change_output(kind, fault, tile, measurement);
    case SiteKind::checker:
      return change_checker(fault, tile, step, measurement);
    case SiteKind::control:
    case SiteKind::unknown:
      throw ModelError("a fault that needs a complete run");
    default:
      return change_tile(kind, fault, tile, step, measurement);
  }
}

/// The line is high from the cycle after the flip on, and is read there.
void DifferentialEngine::flip_alarm_line(const Fault& fault, Measurement& measurement) {
  const std::string path = job_.universe[fault.site.reg].path;
  measurement.fault = {true, fault.cycle + 1, 0, 1, Place{}};
  for (std::size_t c = 0; c < job_.checkers.size(); ++c)
    if (path == "line.alarm." + job_.checkers[c].name)
      measurement.checkers[c].alarm_cycle = fault.cycle + 1;
}

void DifferentialEngine::change_output(SiteKind kind, const Fault& fault, std::uint32_t tile,
                                       Measurement& measurement) {
  const TileTiming& timing = group_->schedule().tiles()[tile];
  const OutputFault at = locator_.locate_output(kind, fault, timing);
  const std::uint32_t before = outputs_.golden_word(timing, at.row, at.column);
  const std::uint32_t after = before ^ at.mask;
  const std::uint64_t held = (std::uint64_t{1} << at.bits) - 1;
  measurement.fault = {true, at.activate_cycle, (before >> at.shift) & held,
                       (after >> at.shift) & held, place_of(timing.tile)};
  outputs_.compare_word(timing, at.row, at.column, after, measurement);
}

void DifferentialEngine::change_tile(SiteKind kind, const Fault& fault, std::uint32_t tile,
                                     std::uint32_t step, Measurement& measurement) {
  const TileFault at = locator_.locate(kind, fault, group_->schedule().tiles()[tile], step);
  if (at.point == FaultPoint::softmax) units_.softmax.tap().arm(fault);
  if (at.point == FaultPoint::accumulator) units_.accumulator.tap().arm(fault);
  replay_from(tile, at.first_step, at, nullptr, false, measurement.fault);
  if (at.point == FaultPoint::softmax) measurement.fault = units_.softmax.tap().outcome();
  if (at.point == FaultPoint::accumulator) measurement.fault = units_.accumulator.tap().outcome();
}

float DifferentialEngine::operand(const OperandChange& change, std::uint32_t tile) const {
  const TileStrides strides = job_.strides();
  switch (change.buffer) {
    case BufferId::q:
      return group_->tile(tile).query[change.depth * strides.row + change.lane];
    case BufferId::k:
      return group_->key(change.key_tile)[change.depth * strides.key + change.lane];
    case BufferId::v:
      return group_->value(change.key_tile)[change.depth * strides.value + change.lane];
    case BufferId::o:
      break;
  }
  throw ModelError("no operand");
}

/// When the array's operand stream reads the element in this step.
std::uint64_t DifferentialEngine::read_cycle(const OperandChange& change,
                                             const StepTiming& step) const {
  if (change.buffer == BufferId::q) return step.q_read.cycle(0, change.depth);
  if (change.buffer == BufferId::k) return step.k_read.cycle(0, change.depth);
  return step.v_read.cycle(change.lane / job_.layout.cols, change.depth);
}

void DifferentialEngine::load_stores(std::uint32_t step, const float* key, const float* value) {
  const GroupSchedule& schedule = group_->schedule();
  // The last query tile reaches every key tile; what stays is loaded for the first query head.
  TileContext tile = schedule.tiles().back().steps[step].tile;
  tile.head = schedule.tiles().front().tile.head;
  for (const auto& checker : units_.checkers) {
    if (key != nullptr) checker->load_key(tile, schedule.keys()[step], key);
    if (value != nullptr) checker->load_value(tile, schedule.values()[step], value);
  }
}

/// What the fault makes of an operand, and where that is read first.
DifferentialEngine::StayingFault DifferentialEngine::changed_operand(SiteKind kind,
                                                                     const Fault& fault,
                                                                     std::uint32_t tile,
                                                                     std::uint32_t step,
                                                                     FaultOutcome& outcome) {
  const GroupSchedule& schedule = group_->schedule();
  const auto& tiles = schedule.tiles();
  const OperandFault at = locator_.locate_operand(kind, fault, schedule, tiles[tile], step);
  StayingFault staying{tile, step, false, at.change};
  OperandChange& change = staying.change;
  const Format format = job_.accelerator.formats.operand;
  const std::uint32_t before = encode(format, operand(change, tile));
  const std::uint32_t after = before ^ at.mask;
  change.value = decode(format, after);
  const std::uint64_t held = (std::uint64_t{1} << at.bits) - 1;
  // K and V that stay in their buffers are read by every later query tile.
  staying.stays = job_.layout.resident && change.buffer != BufferId::q &&
                  (at.in_buffer || change.observed_written);
  outcome = {true, at.cycle, (before >> at.shift) & held, (after >> at.shift) & held,
             place_of(tiles[tile].steps[step].tile)};
  if (!at.in_buffer) return staying;
  const auto reads_later = [&](std::uint32_t t) {
    return step < tiles[t].steps.size() && read_cycle(change, tiles[t].steps[step]) > fault.cycle;
  };
  if (staying.stays)
    while (!reads_later(staying.tile)) ++staying.tile;
  const StepTiming& reader =
      tiles[staying.tile].steps[change.buffer == BufferId::q ? change.first_step : step];
  outcome.activate_cycle = read_cycle(change, reader);
  outcome.place = place_of(reader.tile);
  return staying;
}

void DifferentialEngine::change_operand(SiteKind kind, const Fault& fault, std::uint32_t tile,
                                        std::uint32_t step, Measurement& measurement) {
  const StayingFault staying = changed_operand(kind, fault, tile, step, measurement.fault);
  change_ = staying.change;
  const bool stored = staying.stays && change_.observed_written;
  if (stored) store_changed(step);
  TileFault none;
  none.one_row = change_.buffer == BufferId::q;
  none.row = change_.lane;
  FaultOutcome unused;
  replay_from(staying.tile, change_.first_step, none, &change_, staying.stays, unused);
  if (stored)
    load_stores(step, change_.buffer == BufferId::k ? group_->key(step) : nullptr,
                change_.buffer == BufferId::v ? group_->value(step) : nullptr);
}

/// Faults whose query tiles can be replayed one by one: words of K and V that stay, without a
/// checker that carries something from tile to tile or sums at write what was loaded.
bool DifferentialEngine::separable(SiteKind kind) const {
  if (!job_.layout.resident) return false;
  std::uint32_t written = 0;
  for (const auto& checker : units_.checkers) {
    if (checker->carries_registers()) return false;
    written |= checker->needs();
  }
  switch (kind) {
    case SiteKind::k_word:
    case SiteKind::v_word:
      return true;
    case SiteKind::load_link:
    case SiteKind::k_load_link:
    case SiteKind::v_load_link:
      return (written & (kKeyWritten | kValueWritten)) == 0;
    default:
      return false;
  }
}

/// Faults that many query tiles read are replayed tile by tile, all faults of a tile after each
/// other: its golden state comes from memory once, not once per fault.
void DifferentialEngine::measure(const std::vector<Injection>& injections,
                                 std::vector<Measurement>& measurements,
                                 const std::function<void(std::size_t)>& at) {
  staying_.clear();
  for (std::size_t i = 0; i < injections.size(); ++i) {
    at(i);
    const Fault& fault = injections[i].fault;
    const SiteKind kind = kinds_[fault.site.reg];
    const LiveBlock* block = separable(kind) ? block_of(injections[i]) : nullptr;
    if (block == nullptr) {
      measure(injections[i], measurements[i]);
      continue;
    }
    replay_.clear(measurements[i]);
    staying_.push_back({i, changed_operand(kind, fault, group_->schedule().tile_index(block->tile),
                                           block->tile.key_tile, measurements[i].fault)});
  }
  const TileFault none;
  FaultOutcome unused;
  const auto& tiles = group_->schedule().tiles();
  for (std::uint32_t tile = 0; tile < tiles.size(); ++tile)
    for (const auto& [i, staying] : staying_) {
      if (tile < staying.tile || staying.step >= tiles[tile].steps.size() ||
          (tile > staying.tile && !staying.stays))
        continue;
      at(i);
      replay_.select(measurements[i]);
      replay_.replay(*group_, tile, staying.change.first_step, none, &staying.change, unused);
    }
  for (const auto& [i, staying] : staying_) combine(members_, measurements[i].checkers);
}

/// The changed tile is loaded: sums formed at write follow it.
void DifferentialEngine::store_changed(std::uint32_t step) {
  const TileStrides strides = job_.strides();
  const bool key = change_.buffer == BufferId::k;
  const float* golden = key ? group_->key(step) : group_->value(step);
  const std::size_t stride = key ? strides.key : strides.value;
  const std::size_t lines = key ? job_.layout.shape.head_dim : job_.layout.cols;
  stored_.assign(golden, golden + lines * stride + kLaneAlign);
  stored_[change_.depth * stride + change_.lane] = change_.value;
  load_stores(step, key ? stored_.data() : nullptr, key ? nullptr : stored_.data());
}

void DifferentialEngine::change_checker(const Fault& fault, std::uint32_t tile, std::uint32_t step,
                                        Measurement& measurement) {
  const auto [c, book] = checker_registers_[fault.site.reg];
  const RegisterShape& shape = book->shape();
  TileFault at;
  at.point = FaultPoint::checker;
  at.fault = fault;
  at.checker = c;
  at.first_step = at.last_step = step;
  bool store = false;
  switch (shape.meaning) {
    case LaneMeaning::row:
      at.one_row = true;
      at.row = fault.site.index / shape.groups;
      break;
    case LaneMeaning::row_of_word:  // a copy of Q, read for every key tile
      at.one_row = at.stays = true;
      at.row = fault.site.index % shape.lanes;
      at.last_step = static_cast<std::uint32_t>(group_->schedule().tiles()[tile].steps.size()) - 1;
      break;
    case LaneMeaning::element:
      store = shape.storage == StorageKind::sram && !shape.temporary && job_.layout.resident;
      break;
  }
  units_.checkers[c]->tap().arm(fault);
  if (store) {
    // Sums formed at write of K or V that stays: one slot per half and key tile. What the flip does
    // while they are formed, and after.
    at.stays = true;
    step = fault.site.index / shape.lanes % job_.layout.key_tiles;
    at.first_step = at.last_step = step;
    load_stores(step, group_->key(step), group_->value(step));
  }
  FaultOutcome unused;
  replay_from(tile, step, at, nullptr, store, unused);
  measurement.fault = units_.checkers[c]->tap().outcome();
  if (!store) return;
  units_.checkers[c]->tap().disarm();
  load_stores(step, group_->key(step), group_->value(step));
}

/// Tile `tile` from `step` on; then those later tiles that the fault reaches: through an operand or
/// store that stays, or through state of a checker that outlives query tiles.
void DifferentialEngine::replay_from(std::uint32_t tile, std::uint32_t step, const TileFault& fault,
                                     const OperandChange* change, bool every_later_tile,
                                     FaultOutcome& outcome) {
  const auto& tiles = group_->schedule().tiles();
  replay_.replay(*group_, tile, step, fault, change, outcome);
  static const TileFault kNothing;
  for (std::uint32_t next = tile + 1; next < tiles.size(); ++next) {
    const bool reached = every_later_tile && step < tiles[next].steps.size();
    if (!reached && !replay_.carries()) {
      if (!every_later_tile) return;
      continue;
    }
    replay_.replay(*group_, next, replay_.carries() ? 0 : step, reached ? fault : kNothing,
                   reached ? change : nullptr, outcome);
  }
}

}  // namespace attnguard
