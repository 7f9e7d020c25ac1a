#include "src/campaign/differential/differential_engine.h"

#include <algorithm>
#include <cstring>
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
      protected_(job_),
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
  // A decoder that changes words the fault does not lie in: they have no block in hand.
  if (protected_.holds(injection.fault.site.reg) && protected_.decode(injection.fault).elsewhere)
    return {true, 0, 0};
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
    case SiteKind::q_check:
    case SiteKind::k_check:
    case SiteKind::v_check:
    case SiteKind::o_check:
      return change_check_bits(kind, fault, tile, step, measurement);
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
  const std::uint32_t before = raw_output(timing, at.row, at.column);
  const std::uint32_t after = before ^ at.mask;
  const std::uint64_t held = (std::uint64_t{1} << at.bits) - 1;
  measurement.fault = {true, at.activate_cycle, (before >> at.shift) & held,
                       (after >> at.shift) & held, place_of(timing.tile)};
  std::uint32_t passed = at.mask;
  if (protected_.holds(fault.site.reg)) {
    const DecodedFlip flip = protected_.decode(fault);
    protected_.add_reads(fault, flip, 1, at.activate_cycle, measurement);
    passed = flip.mask << at.shift;
  }
  if (passed != 0 && at.column < job_.layout.shape.head_dim)
    outputs_.compare_word(timing, at.row, at.column, before ^ passed, measurement);
}

/// Lanes beyond the output are stored as zeros.
std::uint32_t DifferentialEngine::raw_output(const TileTiming& timing, std::uint32_t row,
                                             std::uint32_t column) const {
  return column < job_.layout.shape.head_dim ? outputs_.golden_word(timing, row, column) : 0;
}

/// Check bits of a group that begins `shift` bits into element 0; raw(i) is element i from there.
template <class Raw>
std::uint64_t DifferentialEngine::check_bits(const CodeGroup& code, std::uint32_t element_bytes,
                                             std::uint32_t shift, Raw raw) const {
  const std::uint32_t first = shift / 8, bytes = first + code.bytes();
  std::vector<std::byte> data(bytes + sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i * element_bytes < bytes; ++i) {
    const std::uint32_t value = raw(i);
    std::memcpy(data.data() + i * element_bytes, &value, element_bytes);
  }
  return code.encode(data.data() + first);
}

/// No data change for anyone: what decoders make of it is in the counts and alarms alone.
void DifferentialEngine::change_check_bits(SiteKind kind, const Fault& fault, std::uint32_t tile,
                                           std::uint32_t step, Measurement& measurement) {
  const Fault word = protected_.first_word(fault);
  const CodeGroup& code = protected_.code(fault.site.reg);
  std::uint64_t check = 0, reads = 1;
  if (kind == SiteKind::o_check) {
    const TileTiming& timing = group_->schedule().tiles()[tile];
    const OutputFault at = locator_.locate_output(SiteKind::o_word, word, timing);
    measurement.fault = {true, at.activate_cycle, 0, 0, place_of(timing.tile)};
    check = check_bits(code, job_.layout.output_bytes, at.shift,
                       [&](std::uint32_t i) { return raw_output(timing, at.row, at.column + i); });
  } else {
    const SiteKind words = kind == SiteKind::q_check   ? SiteKind::q_word
                           : kind == SiteKind::k_check ? SiteKind::k_word
                                                       : SiteKind::v_word;
    const StayingFault staying = located_operand(words, word, tile, step, measurement.fault);
    check = check_bits(code, job_.layout.operand_bytes, staying.shift, [&](std::uint32_t i) {
      OperandChange element = staying.change;
      element.lane += i;
      return raw_operand(element, tile);
    });
    reads = reads_of(staying);
  }
  measurement.fault.value_before = check;
  measurement.fault.value_after = fault.applied(check, code.check_bits());
  protected_.add_reads(fault, protected_.decode(fault), reads, measurement.fault.activate_cycle,
                       measurement);
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

/// The element is one of the tile's, not of the unused lanes beside it.
bool DifferentialEngine::used(const OperandChange& change, std::uint32_t tile) const {
  switch (change.buffer) {
    case BufferId::q:
      return change.lane < group_->schedule().tiles()[tile].tile.rows;
    case BufferId::k:
      return change.lane < job_.layout.cols_of(change.key_tile);
    case BufferId::v:
      return change.lane < job_.layout.shape.head_dim;
    case BufferId::o:
      break;
  }
  throw ModelError("no operand");
}

/// Unused lanes are stored as zeros.
std::uint32_t DifferentialEngine::raw_operand(const OperandChange& change,
                                              std::uint32_t tile) const {
  return used(change, tile) ? encode(job_.accelerator.formats.operand, operand(change, tile)) : 0;
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
DifferentialEngine::StayingFault DifferentialEngine::located_operand(SiteKind kind,
                                                                     const Fault& fault,
                                                                     std::uint32_t tile,
                                                                     std::uint32_t step,
                                                                     FaultOutcome& outcome) {
  const GroupSchedule& schedule = group_->schedule();
  const auto& tiles = schedule.tiles();
  const OperandFault at = locator_.locate_operand(kind, fault, schedule, tiles[tile], step);
  StayingFault staying;
  staying.tile = tile;
  staying.step = step;
  staying.change = at.change;
  staying.shift = at.shift;
  OperandChange& change = staying.change;
  const std::uint32_t before = staying.golden = raw_operand(change, tile);
  const std::uint32_t after = before ^ at.mask;
  change.value = decode(job_.accelerator.formats.operand, after);
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

/// How often a word that differs is read.
std::uint64_t DifferentialEngine::reads_of(const StayingFault& staying) const {
  const OperandChange& change = staying.change;
  if (change.buffer == BufferId::q) return change.last_step - change.first_step + 1;
  if (!staying.stays) return 1;
  const auto& tiles = group_->schedule().tiles();
  return static_cast<std::uint64_t>(
      std::count_if(tiles.begin() + staying.tile, tiles.end(),
                    [&](const TileTiming& tile) { return staying.step < tile.steps.size(); }));
}

/// The same with what a decoder makes of it.
DifferentialEngine::StayingFault DifferentialEngine::changed_operand(SiteKind kind,
                                                                     const Fault& fault,
                                                                     std::uint32_t tile,
                                                                     std::uint32_t step,
                                                                     Measurement& measurement) {
  StayingFault staying = located_operand(kind, fault, tile, step, measurement.fault);
  if (!protected_.holds(fault.site.reg)) return staying;
  const DecodedFlip flip = protected_.decode(fault);
  protected_.add_reads(fault, flip, reads_of(staying), measurement.fault.activate_cycle,
                       measurement);
  staying.seen = flip.mask != 0 && used(staying.change, tile);
  staying.change.value =
      decode(job_.accelerator.formats.operand, staying.golden ^ (flip.mask << staying.shift));
  return staying;
}

void DifferentialEngine::change_operand(SiteKind kind, const Fault& fault, std::uint32_t tile,
                                        std::uint32_t step, Measurement& measurement) {
  const StayingFault staying = changed_operand(kind, fault, tile, step, measurement);
  if (!staying.seen) return;
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
                                           block->tile.key_tile, measurements[i])});
  }
  const TileFault none;
  FaultOutcome unused;
  const auto& tiles = group_->schedule().tiles();
  for (std::uint32_t tile = 0; tile < tiles.size(); ++tile)
    for (const auto& [i, staying] : staying_) {
      if (!staying.seen || tile < staying.tile || staying.step >= tiles[tile].steps.size() ||
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
