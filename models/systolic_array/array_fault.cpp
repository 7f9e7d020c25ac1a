#include "models/systolic_array/array_fault.h"

#include <stdexcept>

namespace attnguard {

ArrayFault array_fault(ArrayRegister which, const Fault& fault, std::uint32_t cols) {
  ArrayFault at;
  at.which = which;
  at.row = fault.site.index / cols;
  at.col = fault.site.index % cols;
  at.mask = static_cast<std::uint32_t>(fault.mask());
  at.cycle = fault.cycle;
  at.how = fault.how;
  at.access = fault.access;
  return at;
}

void require_array(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

bool ArrayFaults::pending(std::uint64_t now) const {
  return std::any_of(faults_.begin(), faults_.end(), [now](const Armed& armed) {
    return !armed.fault.how.persistent() && !armed.spent && armed.fault.cycle >= now;
  });
}

std::uint64_t ArrayFaults::next_stop(std::uint64_t now, std::optional<std::uint64_t> busy,
                                     std::uint64_t end) const {
  for (const Armed& armed : faults_) {
    const ArrayFault& fault = armed.fault;
    if (!fault.how.persistent()) {
      if (!armed.spent && fault.cycle >= now) end = std::min(end, fault.cycle + 1);
    } else if (busy) {
      end = std::min(end, fault.how.next_active(fault.cycle, std::max(now, *busy)) + 1);
    }
  }
  return end;
}

// What struck in cycle − 1 is still read in `cycle`.
void ArrayFaults::abandon(std::uint64_t cycle) {
  for (Armed& armed : faults_) {
    if (!armed.fault.how.persistent() && armed.fault.cycle >= cycle) armed.spent = false;
    if (armed.outcome.activate_cycle > cycle) armed.outcome = {};
    armed.reads.erase(std::remove_if(armed.reads.begin(), armed.reads.end(),
                                     [cycle](std::uint64_t read) { return read > cycle; }),
                      armed.reads.end());
  }
}

FaultOutcome ArrayFaults::outcome() const {
  FaultOutcome first;
  for (const Armed& armed : faults_) {
    if (armed.fault.how.model == FaultModel::probe && armed.reads.size() >= armed.fault.access)
      first = first.earlier({true, armed.reads[armed.fault.access - 1], 0, 0, Place{}});
    first = first.earlier(armed.outcome);
  }
  return first;
}

bool ArrayFaults::acts(const Armed& armed, std::uint64_t cycle) {
  const ArrayFault& fault = armed.fault;
  if (armed.spent) return false;
  return fault.how.persistent() ? fault.how.acts(fault.cycle, cycle, cycle + 1)
                                : fault.cycle == cycle;
}

void ArrayFaults::strike(Armed& armed, std::uint64_t cycle, const HeldValue& held) {
  const ArrayFault& fault = armed.fault;
  armed.spent = !fault.how.persistent();
  if (fault.how.model == FaultModel::probe && held.read_cycle == cycle + 1)
    armed.reads.push_back(held.read_cycle);
  const std::uint32_t before = encode(held.format, *held.value);
  const auto after =
      static_cast<std::uint32_t>(fault.how.applied(before, fault.mask, bits_of(held.format)));
  if (after == before) return;
  *held.value = decode(held.format, after);
  armed.outcome = armed.outcome.earlier({true, held.read_cycle, before, after, held.place});
}

}  // namespace attnguard
