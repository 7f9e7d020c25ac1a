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
  SC_METHOD(flip_method);
  sensitive << flip_event_;
  dont_initialize();
}

void Line::reset(bool value) {
  arm_event_.cancel();
  flip_event_.cancel();
  tap_.disarm();
  armed_ = flipped_ = false;
  last_write_ = previous_write_ = live_until_ = 0;
  value_ = value;
  signal.write(value);
}

void Line::write(bool value, std::uint64_t update) {
  previous_write_ = last_write_;
  last_write_ = update;
  // The flip follows the update of its own cycle, whichever process ran first; a later write
  // removes it.
  if (flipped_ && update == fault_cycle_) value = !value;
  tap_.write(reg_, 0, update);
  value_ = value;
  signal.write(value);
}

void Line::sample(std::uint64_t since) {
  const std::uint64_t now = clock_.cycle();
  if (log_.enabled() && read()) add_live(wait_since(since).live_from, now);
  if (flipped_ && tap_.due(reg_, 0, now)) {
    const std::uint64_t after = value_ ? 1 : 0;
    tap_.activate(now, after ^ 1U, after, Place{});
  }
}

LineWait Line::wait_since(std::uint64_t since) const {
  const bool rose = last_write_ >= since;
  return {since, clock_.cycle(), rose ? previous_write_ : last_write_, rose};
}

void Line::sampled_throughout(std::uint64_t end) {
  if (log_.enabled()) add_live(0, end);
}

void Line::arm(const Fault& fault) {
  tap_.arm(fault);
  armed_ = flipped_ = false;
  fault_cycle_ = fault.cycle;
  // A cycle early, so that nobody who waits at the flip does so for the rise alone.
  arm_event_.notify(clock_.until(fault.cycle - (fault.cycle > 0 ? 1 : 0)));
  flip_event_.notify(clock_.until(fault.cycle + 1));
}

void Line::arm_method() { armed_ = true; }

void Line::flip_method() {
  flipped_ = true;
  value_ = !value_;
  signal.write(value_);
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
