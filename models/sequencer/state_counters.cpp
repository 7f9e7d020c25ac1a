#include "models/sequencer/state_counters.h"

#include <algorithm>
#include <string>

#include "models/numerics/ceil_log2.h"

namespace attnguard {
namespace {

constexpr std::array<const char*, StateCounters::kCounters> kNames{
    "load",         "operation",     "tile",         "loads_complete", "operations_retired",
    "tiles_opened", "tiles_written", "stores_issued"};

}  // namespace

StateCounters::StateCounters(sc_core::sc_module_name name, const Program& program,
                             const Clock& clock, FaultUniverse& universe, LiveLog& log)
    : sc_module(name), clock_(clock), log_(log) {
  const std::size_t loads = program.loads.size(), operations = program.operations.size(),
                    tiles = program.tiles.size();
  const std::array<std::size_t, kCounters> largest{loads,      operations, tiles, loads,
                                                   operations, tiles,      tiles, tiles};
  for (std::size_t c = 0; c < kCounters; ++c) {
    bits_[c] = std::max(1U, ceil_log2(largest[c] + 1));
    RegisterClass cls;
    cls.path = std::string("sequencer.") + kNames[c] + "[{}]";
    cls.extents = {bits_[c]};
    cls.bits = 1;
    cls.kind = StorageKind::state;
    registers_[c] = universe.declare(cls);
  }
  SC_METHOD(act_method);
  sensitive << act_event_;
  dont_initialize();
}

void StateCounters::reset() {
  clear();
  tap_.disarm();
  act_event_.cancel();
  changed_event_.cancel();
}

void StateCounters::arm(const Fault& fault) {
  tap_.add(fault);
  schedule(0);
}

/// At the end of a cycle, when whoever writes a counter has done so.
void StateCounters::act_method() {
  const std::uint64_t cycle = clock_.cycle();
  for (ArmedFault& armed : tap_.armed()) {
    const Fault& fault = armed.fault;
    if (armed.spent) continue;
    if (fault.how.model == FaultModel::probe) {
      armed.count(cycle + 1);
      continue;
    }
    if (armed.once() ? fault.cycle != cycle : !fault.how.acts(fault.cycle, cycle, cycle + 1))
      continue;
    const auto c = static_cast<std::size_t>(
        std::find(registers_.begin(), registers_.end(), fault.site.reg) - registers_.begin());
    const std::uint32_t bit = fault.site.index, before = values_[c] >> bit & 1U;
    const auto after = static_cast<std::uint32_t>(fault.applied(before, 1));
    if (after == before) continue;
    values_[c] ^= 1U << bit;
    armed.activate(cycle + 1, before, after, Place{});
    changed_event_.notify(clock_.until(cycle + 1));
  }
  tap_.update_pending();
  schedule(cycle + 1);
}

/// At the end of the next cycle, `from` or later, in which a fault acts.
void StateCounters::schedule(std::uint64_t from) {
  std::uint64_t next = ~std::uint64_t{0};
  for (const ArmedFault& armed : tap_.armed()) {
    if (armed.spent) continue;
    const Fault& fault = armed.fault;
    if (!armed.once())
      next = std::min(next, fault.how.next_active(fault.cycle, from));
    else if (fault.cycle >= from)
      next = std::min(next, fault.cycle);
  }
  if (next == ~std::uint64_t{0}) return;
  act_event_.cancel();
  act_event_.notify(clock_.until(next + 1) - clock_.period() * 0.25);
}

void StateCounters::live_until(std::uint64_t end) {
  if (!log_.enabled()) return;
  for (std::size_t c = 0; c < kCounters; ++c) {
    LiveBlock block;
    block.reg = registers_[c];
    block.format = Format::flag;
    block.length = static_cast<std::int64_t>(end);
    block.count[0] = bits_[c];
    block.index_step[0] = 1;
    log_.add(block);
  }
}

}  // namespace attnguard
