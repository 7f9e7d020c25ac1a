#include "models/sequencer/done_fault.h"

#include <algorithm>

namespace attnguard {
namespace {

using Ending = std::optional<DoneEnding>;

class Forecast {
 public:
  Forecast(const Program& program, const Schedule& schedule)
      : program_(program), schedule_(schedule) {}

  std::optional<DoneFault> of(DoneLine line, std::uint64_t cycle) {
    const std::size_t index = wait_after(line, cycle);
    if (index == waits(line) || !wait(line, index).live(cycle)) return DoneFault{};
    const LineWait& golden = wait(line, index);
    const bool before = golden.value(cycle);
    DoneFault fault;
    const std::uint64_t early = std::max(cycle + 1, golden.since);
    fault.outcome = {true, early, before, !before, Place{}};
    // Nobody but the waiting thread makes the unit rise again; all others stop when they need it.
    const Ending ending = before ? DoneEnding::hang : early_done(line, index, early, fault);
    if (!ending) return std::nullopt;
    fault.ending = *ending;
    return fault;
  }

 private:
  std::size_t waits(DoneLine line) const {
    switch (line) {
      case DoneLine::load:
        return schedule_.loads.size();
      case DoneLine::array:
        return schedule_.operations.size() - 1;
      case DoneLine::accumulator:
        return schedule_.tiles.size();
      case DoneLine::store:
        return schedule_.tiles.size() + 1;
    }
    return 0;
  }
  const LineWait& wait(DoneLine line, std::size_t index) const {
    switch (line) {
      case DoneLine::load:
        return schedule_.loads[index].done;
      case DoneLine::array:
        return schedule_.operations[index].done;
      case DoneLine::accumulator:
        return schedule_.tiles[index].written;
      case DoneLine::store:
        break;
    }
    return index < schedule_.tiles.size() ? schedule_.tiles[index].store_free
                                          : schedule_.last_store;
  }
  /// The first wait that ends after `cycle`.
  std::size_t wait_after(DoneLine line, std::uint64_t cycle) const {
    std::size_t first = 0, count = waits(line);
    while (count > 0) {
      const std::size_t half = count / 2;
      if (wait(line, first + half).until <= cycle) {
        first += half + 1;
        count -= half + 1;
      } else {
        count = half;
      }
    }
    return first;
  }

  /// Done is sampled at `early`; the unit is busy until the wait's golden end.
  Ending early_done(DoneLine line, std::size_t index, std::uint64_t early, DoneFault& fault) const {
    const std::uint64_t free = wait(line, index).until;
    switch (line) {
      case DoneLine::load:
        return early_load(index, early, free);
      case DoneLine::array:
        return early_operation(index, early, free);
      case DoneLine::accumulator:
        return early_tile(index, early, free, fault);
      case DoneLine::store:
        break;
    }
    return index < schedule_.tiles.size() ? DoneEnding::crash : DoneEnding::finished;
  }

  /// The next command of a thread would be written at `command` and the unit is free from `free`
  /// on.
  static Ending meets(std::uint64_t command, std::uint64_t free) {
    if (command == free) return std::nullopt;
    return command < free ? DoneEnding::crash : DoneEnding::finished;
  }

  std::uint64_t loaded(std::uint32_t loads) const {
    return loads == 0 ? 0 : schedule_.loads[loads - 1].done.until;
  }
  /// Cycle from which that many operations count as retired.
  std::uint64_t retired(std::uint32_t operations) const {
    return operations == 0 ? 0 : schedule_.operations[operations].done.until;
  }
  bool opens(std::size_t operation) const {
    const ProgramOperation& entry = program_.operations[operation];
    return entry.command.operation == ArrayOperation::values && entry.command.tile.first;
  }

  /// A load counts as complete too early: the next one may follow, and an operation that waits for
  /// it may be issued.
  Ending early_load(std::size_t index, std::uint64_t early, std::uint64_t free) const {
    const std::size_t next = index + 1;
    const std::uint64_t command =
        next == program_.loads.size()
            ? kNeverIssued
            : std::max(early, retired(program_.loads[next].operations_retired));
    if (command == early) return DoneEnding::crash;
    const auto waiting = std::partition_point(
        program_.operations.begin(), program_.operations.end(),
        [&](const ProgramOperation& entry) { return entry.loads_needed < next; });
    if (waiting != program_.operations.end()) {
      const auto at = static_cast<std::size_t>(waiting - program_.operations.begin());
      if (schedule_.operations[at].ready <= std::min(command, free - 1)) return std::nullopt;
    }
    return meets(command, free);
  }

  /// The place in the array counts as free too early: the next operation may be issued, and a load
  /// may follow that waits for operations to retire.
  Ending early_operation(std::size_t index, std::uint64_t early, std::uint64_t free) const {
    const std::size_t next = index + 1;
    const ProgramOperation& entry = program_.operations[next];
    std::uint64_t command = std::max(early, loaded(entry.loads_needed));
    if (opens(next)) {
      const std::uint32_t tile = entry.output_tile;
      if (tile >= 1) command = std::max(command, schedule_.tiles[tile - 1].written.until);
      if (tile >= 2) command = std::max(command, schedule_.tiles[tile - 2].stored);
      // The accumulator is opened a cycle before the operation.
      if (command == free) return std::nullopt;
      if (command < free) ++command;
    }
    if (command == early) return DoneEnding::crash;
    return load_awaits(index, free) ? std::nullopt : meets(command, free);
  }
  /// Whether a load was issued only because that many operations had retired, at `cycle`.
  bool load_awaits(std::size_t operations, std::uint64_t cycle) const {
    const auto load =
        std::partition_point(schedule_.loads.begin(), schedule_.loads.end(),
                             [&](const Schedule::Load& entry) { return entry.issued < cycle; });
    if (load == schedule_.loads.end() || load->issued > cycle) return false;
    const auto index = static_cast<std::size_t>(load - schedule_.loads.begin());
    return program_.loads[index].operations_retired == operations;
  }

  /// An output tile counts as written too early: it is stored, and the next one may be opened.
  Ending early_tile(std::size_t tile, std::uint64_t early, std::uint64_t free,
                    DoneFault& fault) const {
    const LineWait& store = schedule_.tiles[tile].store_free;
    const std::uint64_t stored = std::max(early, store.rose ? store.until : store.live_from + 1);
    if (stored == free) return std::nullopt;

    const std::size_t next = tile + 1;
    Ending ending = DoneEnding::finished;
    std::uint64_t opened = kNeverIssued;
    if (next < schedule_.tiles.size()) {
      const std::size_t operation = first_operation(next);
      opened = std::max({early, schedule_.operations[operation].ready,
                         loaded(program_.operations[operation].loads_needed)});
      ending = meets(opened, free);
      if (!ending) return std::nullopt;
    }
    if (stored > free || (ending == DoneEnding::crash && stored >= opened)) return ending;
    // The store reads at stored + 1; until the tile is drained it finds the one before last.
    const bool old_tile = tile >= 2 && stored + 1 < schedule_.tiles[tile].drained;
    if (!old_tile || stored + 1 == opened) return std::nullopt;
    if (program_.tiles[tile].store.transfer.beats != program_.tiles[tile - 2].store.transfer.beats)
      return std::nullopt;
    fault.stale = {static_cast<std::uint32_t>(tile), stored};
    if (ending == DoneEnding::crash || next == schedule_.tiles.size()) return ending;
    // The run goes on as the golden one if nobody waited for this store there.
    return schedule_.tiles[next].store_free.rose ? std::nullopt : ending;
  }
  /// The operation that opens a tile.
  std::size_t first_operation(std::size_t tile) const {
    const auto found =
        std::partition_point(schedule_.operations.begin(), schedule_.operations.end(),
                             [&](const Schedule::Operation& entry) {
                               return entry.issued <= schedule_.tiles[tile].opened;
                             });
    return static_cast<std::size_t>(found - schedule_.operations.begin());
  }

  static constexpr std::uint64_t kNeverIssued = ~std::uint64_t{0};

  const Program& program_;
  const Schedule& schedule_;
};

}  // namespace

std::optional<DoneFault> foresee_done_fault(const Program& program, const Schedule& schedule,
                                            DoneLine line, std::uint64_t cycle) {
  return Forecast(program, schedule).of(line, cycle);
}

}  // namespace attnguard
