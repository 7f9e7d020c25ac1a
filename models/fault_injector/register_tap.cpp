#include "models/fault_injector/register_tap.h"

#include <algorithm>
#include <utility>

namespace attnguard {

FaultOutcome ArmedFault::result() const {
  if (fault.how.model != FaultModel::probe) return outcome;
  if (reads.size() < fault.access) return {};
  // Registers of a pipeline are looked at row by row, so their reads do not come in time order.
  std::vector<std::uint64_t> cycles = reads;
  std::sort(cycles.begin(), cycles.end());
  return {true, cycles[fault.access - 1], 0, 0, Place{}};
}

void ArmedFault::abandon(std::uint64_t cycle) {
  since = std::min(since, cycle);
  if (!once()) return;
  spent = fault.cycle < cycle;
  if (!spent) outcome = {};
}

FaultOutcome RegisterTap::outcome() const {
  FaultOutcome first;
  for (const ArmedFault& armed : armed_) first = first.earlier(armed.result());
  return first;
}

bool RegisterTap::apply(ArmedFault& armed, std::uint64_t cycle, std::uint64_t& raw,
                        const Place& place, std::uint32_t width) {
  const Fault& fault = armed.fault;
  if (fault.how.model == FaultModel::probe) {
    armed.count(cycle);
    return false;
  }
  if (armed.once() ? fault.cycle >= cycle
                   : !fault.how.acts(fault.cycle, std::exchange(armed.since, cycle), cycle))
    return false;
  if (armed.once()) armed.spent = true;
  const std::uint64_t after = fault.applied(raw, width);
  if (after == raw) return false;
  armed.activate(cycle, raw, after, place);
  raw = after;
  return true;
}

}  // namespace attnguard
