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
                   const Line& store_done, Sequencer& sequencer,
                   std::function<void(std::uint64_t)> abandon)
    : sc_module(name),
      abort_cycles_(config.abort_cycles),
      layout_(layout),
      half_bytes_(half_bytes),
      clock_(clock),
      checksum_(checksum),
      sequencer_(sequencer),
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
  const std::vector<std::uint32_t> tiles = alarming_tiles(cycle);
  if (tiles.empty()) return;
  const auto first = core_.interrupt(tiles, sequencer_.tiles_stored(), cycle);
  if (!first) {
    for (ChecksumUnit::Guard* guard : guards_) guard->acknowledge(cycle);
    return;
  }
  abandon_(cycle);
  for (auto& guard : checksum_.guards())
    guard->abandon(cycle, [&](const Check& check) { return tile_of(check) >= *first; });
  sequencer_.restart(make_program(layout_, half_bytes_, *first), *first, cycle + abort_cycles_);
  interrupt_event_.notify(clock_.until_late(cycle + abort_cycles_));
}

/// The output tiles to which the status records of the lines that are high belong. A line that is
/// high without a record blames the oldest tile in work.
std::vector<std::uint32_t> Recovery::alarming_tiles(std::uint64_t cycle) const {
  std::vector<std::uint32_t> tiles;
  for (const ChecksumUnit::Guard* guard : guards_) {
    if (!guard->alarm.read()) continue;
    const std::vector<Check> record = guard->status(cycle);
    for (const Check& check : record) tiles.push_back(tile_of(check));
    if (record.empty())
      tiles.push_back(std::min(sequencer_.tiles_stored(), layout_.output_tiles() - 1));
  }
  return tiles;
}

/// Every check is reported before the output tile it belongs to is stored.
std::uint64_t Recovery::last_check() const {
  std::uint64_t last = 0;
  for (const auto& guard : checksum_.guards())
    for (const Check& check : guard->checks) last = std::max(last, check.cycle + 1);
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
      if (core_.done_again(tile_of(check))) last = std::max(last, check.cycle + 1);
  result.recovered_cycle = last;
  return result;
}

}  // namespace attnguard
