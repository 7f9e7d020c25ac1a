#include "models/fabric/line.h"

#include <algorithm>

namespace attnguard {

Line::Line(sc_core::sc_module_name name, const Clock& clock, FaultUniverse& universe, LiveLog& log,
           const std::string& site, Domain domain)
    : sc_module(name), signal("signal"), clock_(clock), log_(log) {
  RegisterClass cls;
  cls.path = site;
  cls.bits = 1;
  cls.domain = domain;
  cls.kind = StorageKind::line;
  reg_ = universe.declare(cls);
  changes_ = signal.posedge_event() | arm_event_;
  SC_METHOD(arm_method);
  sensitive << arm_event_;
  dont_initialize();
  SC_METHOD(act_method);
  sensitive << act_event_;
  dont_initialize();
}

void Line::reset(bool value) {
  arm_event_.cancel();
  act_event_.cancel();
  tap_.disarm();
  flipped_.clear();
  armed_ = false;
  last_write_ = previous_write_ = live_until_ = 0;
  value_ = value;
  signal.write(value);
  if (track_ != nullptr) track_->add(0, value);
}

void Line::write(bool value, std::uint64_t update) {
  previous_write_ = last_write_;
  last_write_ = update;
  // The flip follows the update of its own cycle, whichever process ran first; a later write
  // removes it.
  for (std::size_t i = 0; i < flipped_.size(); ++i)
    if (flipped_[i] && update == tap_.armed()[i].fault.cycle) value = !value;
  tap_.write(reg_, 0, update);
  value_ = value;
  drive(update);
}

/// The line after the update of cycle `update`.
bool Line::seen(std::uint64_t update) const {
  bool value = value_;
  for (const ArmedFault& armed : tap_.armed())
    if (!armed.once() && armed.fault.how.acts(armed.fault.cycle, update, update + 1))
      value = armed.fault.applied(value ? 1 : 0, 1) != 0;
  return value;
}

/// Shows the line as it is after the update of cycle `update`.
void Line::drive(std::uint64_t update) {
  const bool value = seen(update);
  signal.write(value);
  if (track_ != nullptr) track_->add(update + 1, value);
}

void Line::sample(std::uint64_t since) {
  const std::uint64_t now = clock_.cycle();
  if (log_.enabled() && read()) add_live(wait_since(since).live_from, now);
  if (!tap_.pending()) return;
  const std::uint64_t held = value_ ? 1 : 0;
  for (std::size_t i = 0; i < flipped_.size(); ++i) {
    ArmedFault& armed = tap_.armed()[i];
    if (armed.spent) continue;
    if (armed.fault.how.model == FaultModel::probe)
      armed.count(now);
    else if (armed.once() && flipped_[i] && armed.fault.cycle < now)
      armed.activate(now, held ^ 1U, held, Place{});
    else if (!armed.once() && seen(now - 1) != value_)
      armed.activate(now, held, held ^ 1U, Place{});
  }
  tap_.update_pending();
}

LineWait Line::wait_since(std::uint64_t since) const {
  const bool rose = last_write_ >= since;
  return {since, clock_.cycle(), rose ? previous_write_ : last_write_, rose};
}

void Line::sampled_throughout(std::uint64_t end) {
  if (log_.enabled()) add_live(0, end);
}

void Line::arm(const Fault& fault) {
  tap_.add(fault);
  flipped_.push_back(false);
  // A cycle early, so that nobody who waits at the flip does so for the rise alone. Of several
  // notifications the earliest stands.
  arm_event_.notify(clock_.until(fault.cycle - (fault.cycle > 0 ? 1 : 0)));
  schedule_act(0);
}

void Line::arm_method() { armed_ = true; }

/// At the start of a cycle: what the faults did to the update of the cycle before.
void Line::act_method() {
  const std::uint64_t update = clock_.cycle() - 1;
  for (std::size_t i = 0; i < flipped_.size(); ++i) {
    const ArmedFault& armed = tap_.armed()[i];
    if (!armed.once() || flipped_[i] || armed.fault.cycle != update) continue;
    flipped_[i] = true;
    value_ = !value_;
  }
  drive(update);
  schedule_act(update + 1);
}

/// Acts after the next update, from that of cycle `from` on, in which a fault begins or ends to
/// act.
void Line::schedule_act(std::uint64_t from) {
  std::uint64_t next = ~std::uint64_t{0};
  for (const ArmedFault& armed : tap_.armed()) {
    const FaultBehaviour& how = armed.fault.how;
    const std::uint64_t start = armed.fault.cycle;
    if (how.model == FaultModel::probe) continue;
    if (armed.once() || from <= start) {
      if (start >= from) next = std::min(next, start);
      continue;
    }
    if (how.duty_cycles >= how.period_cycles) continue;
    const std::uint64_t phase = (from - start) % how.period_cycles;
    next = std::min(next, phase == 0 || phase == how.duty_cycles ? from
                          : phase < how.duty_cycles              ? from + (how.duty_cycles - phase)
                                                    : from + (how.period_cycles - phase));
  }
  if (next != ~std::uint64_t{0}) act_event_.notify(clock_.until(next + 1));
}

void Line::add_live(std::uint64_t from, std::uint64_t to) {
  from = std::max(from, live_until_);
  if (to <= from) return;
  live_until_ = to;
  LiveBlock block;
  block.reg = reg_;
  block.format = Format::flag;
  block.start = from;
  block.length = static_cast<std::int64_t>(to - from);
  log_.add(block);
}

}  // namespace attnguard
