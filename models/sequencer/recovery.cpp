#include "models/sequencer/recovery.h"

#include <algorithm>
#include <utility>

namespace attnguard {
namespace {

bool carries_sums(ChecksumUnit& checksum) {
  return std::any_of(checksum.guards().begin(), checksum.guards().end(),
                     [](const auto& guard) { return guard->checker->outlives_query_tiles(); });
}

}  // namespace

Recovery::Recovery(sc_core::sc_module_name name, const RecoveryConfig& config,
                   const JobLayout& layout, const HalfBytes& half_bytes, const Clock& clock,
                   ChecksumUnit& checksum, const std::vector<std::size_t>& checkers,
                   const Line& store_done, Sequencer& sequencer, SoftmaxUnit& softmax,
                   OutputAccumulator& accumulator, std::function<void(std::uint64_t)> abandon)
    : sc_module(name),
      config_(config),
      layout_(layout),
      half_bytes_(half_bytes),
      clock_(clock),
      checksum_(checksum),
      sequencer_(sequencer),
      softmax_(softmax),
      accumulator_(accumulator),
      abandon_(std::move(abandon)),
      core_(config, layout, carries_sums(checksum)) {
  for (const std::size_t checker : checkers) guards_.push_back(checksum.guards()[checker].get());
  SC_METHOD(alarm_method);
  // A line that is stuck does not rise: it is looked at again when a tile is stored.
  sensitive << store_done.signal.posedge_event();
  for (const ChecksumUnit::Guard* guard : guards_) sensitive << guard->alarm.signal.posedge_event();
  dont_initialize();
  SC_METHOD(interrupt_method);
  sensitive << interrupt_event_;
  dont_initialize();
}

void Recovery::start(bool active) {
  active_ = active;
  interrupt_event_.cancel();
  core_.reset();
  // Softmax is up to two key tiles ahead of the accumulator, and units work ahead by a tile.
  const std::size_t copies =
      active && config_.policy == RecoveryPolicy::recompute_tile ? config_.checkpoints + 8 : 0;
  softmax_.checkpoints().start(copies);
  accumulator_.checkpoints().start(copies);
  for (auto& guard : checksum_.guards()) guard->keep_checkpoints(copies);
  sequencer_.await_checks(active ? [this] { return last_check(); }
                                 : std::function<std::uint64_t()>{});
}

/// Lines are looked at when everybody has acted on this cycle, so what the abort drops does not
/// hang on the order of processes.
void Recovery::alarm_method() {
  if (active_) interrupt_event_.notify(clock_.until_late(clock_.cycle()));
}

void Recovery::interrupt_method() {
  const std::uint64_t cycle = clock_.cycle();
  if (sequencer_.finished()) return;
  const std::vector<Blame> alarms = blames(cycle);
  if (alarms.empty()) return;
  const std::uint32_t stored = sequencer_.tiles_stored();
  const CoveredTiles covered = covered_tiles(stored, cycle);
  const auto point = core_.interrupt(alarms, stored, covered, cycle);
  if (!point) {
    for (ChecksumUnit::Guard* guard : guards_) guard->acknowledge(cycle);
    return;
  }
  abandon_(cycle);
  for (auto& guard : checksum_.guards())
    guard->abandon(cycle, [&](const Place& place) {
      const std::uint32_t tile = tile_of(place);
      return tile > point->tile || (tile == point->tile &&
                                    (place.key_tile < 0 || static_cast<std::uint32_t>(
                                                               place.key_tile) >= point->key_tile));
    });
  const std::uint64_t start = cycle + config_.abort_cycles;
  sequencer_.restart(make_program(layout_, half_bytes_, return_to(*point, covered)), point->tile,
                     start);
  interrupt_event_.notify(clock_.until_late(start));
}

/// Of an output tile: a key tile can be gone back to if it is one of the last `checkpoints` up to
/// the one that the accumulator takes next.
CoveredTiles Recovery::covered_tiles(std::uint32_t tile, std::uint64_t cycle) {
  if (config_.policy != RecoveryPolicy::recompute_tile || tile >= layout_.output_tiles()) return {};
  const std::uint32_t head = tile / layout_.query_tiles, query_tile = tile % layout_.query_tiles;
  const std::uint32_t complete = accumulator_.checkpoints().complete(head, query_tile, cycle);
  const std::uint32_t last = std::min(complete, layout_.visible_key_tiles(query_tile) - 1);
  std::uint32_t first = last + 1;
  // A copy may be missing where a fault has lost a burst.
  const auto kept = [&](Checkpoints& checkpoints) {
    const Checkpoints::Copy* copy = checkpoints.before(head, query_tile, first - 1);
    return copy != nullptr && copy->tile.key_tile + 2 == first;
  };
  while (first > 1 && first + config_.checkpoints > complete + 1 && kept(softmax_.checkpoints()) &&
         kept(accumulator_.checkpoints()))
    --first;
  return {first, last};
}

/// After the abort: the state before the key tile is written back, what follows is forgotten.
ProgramStart Recovery::return_to(const RestartPoint& point, CoveredTiles covered) {
  const std::uint32_t head = point.tile / layout_.query_tiles,
                      query_tile = point.tile % layout_.query_tiles;
  for (auto& guard : checksum_.guards()) guard->return_to(head, query_tile, point.key_tile);
  softmax_.checkpoints().forget(head, query_tile, point.key_tile);
  accumulator_.checkpoints().forget(head, query_tile, point.key_tile);
  if (point.key_tile == 0) return {point.tile};
  // Going back brings no copy back that later key tiles had overwritten.
  accumulator_.checkpoints().forget_before(head, query_tile, covered.first);
  softmax_.restore(*softmax_.checkpoints().before(head, query_tile, point.key_tile));
  const Checkpoints::Copy& rows =
      *accumulator_.checkpoints().before(head, query_tile, point.key_tile);
  accumulator_.restore(rows);
  return {point.tile, point.key_tile, rows.tile.half, rows.tile.bank ^ 1};
}

/// The tiles to which the status records of the lines that are high belong. A line that is
/// high without a record blames the oldest tile in work.
std::vector<Blame> Recovery::blames(std::uint64_t cycle) const {
  std::vector<Blame> blames;
  for (const ChecksumUnit::Guard* guard : guards_) {
    if (!guard->alarm.read()) continue;
    const std::vector<Place> record = guard->status(cycle);
    for (const Place& place : record) {
      blames.push_back({tile_of(place), std::nullopt});
      if (place.key_tile >= 0) blames.back().key_tile = place.key_tile;
    }
    if (record.empty())
      blames.push_back(
          {std::min(sequencer_.tiles_stored(), layout_.output_tiles() - 1), std::nullopt});
  }
  return blames;
}

/// Every check, and every error of a decoder, is reported before the output tile it belongs to is
/// stored.
std::uint64_t Recovery::last_check() const {
  std::uint64_t last = 0;
  for (const auto& guard : checksum_.guards()) last = std::max(last, guard->last_reading());
  return last;
}

RecoveryResult Recovery::result() const {
  RecoveryResult result = core_.result();
  if (result.retries == 0 || !sequencer_.finished()) return result;
  std::uint64_t last = 0;
  for (std::uint32_t tile = 0; tile < sequencer_.tiles_stored(); ++tile)
    if (core_.done_again(tile)) last = std::max(last, sequencer_.stored_cycle(tile));
  for (const auto& guard : checksum_.guards())
    for (const Check& check : guard->checks)
      if (core_.done_again(layout_.output_tile(check.head, check.query_row)))
        last = std::max(last, check.cycle + 1);
  result.recovered_cycle = last;
  return result;
}

}  // namespace attnguard
