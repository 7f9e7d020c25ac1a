#include "models/checksum_unit/checksum_unit.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

#include "models/checksum_unit/any_of.h"
#include "models/checksum_unit/checker_registers.h"
#include "models/checksum_unit/make_checker.h"

namespace attnguard {

ChecksumUnit::ChecksumUnit(sc_core::sc_module_name name, const std::vector<CheckerConfig>& configs,
                           const CheckerDimensions& dimensions, const Clock& clock,
                           FaultUniverse& universe, LiveLog& log)
    : sc_module(name),
      q_in("q_in"),
      k_in("k_in"),
      v_in("v_in"),
      array_in("array_in"),
      softmax_in("softmax_in"),
      accumulator_in("accumulator_in"),
      unused_in("unused_in"),
      dimensions_(dimensions) {
  for (auto* socket : {&q_in, &k_in, &v_in, &array_in, &softmax_in, &accumulator_in, &unused_in})
    socket->register_b_transport(this, &ChecksumUnit::observe);
  for (const CheckerConfig& config : configs) {
    if (is_combination(config)) continue;
    guards_.push_back(std::make_unique<Guard>(config, dimensions, clock, universe, log));
    needs_ |= guards_.back()->checker->needs();
  }
}

ChecksumUnit::~ChecksumUnit() = default;

void ChecksumUnit::reset() {
  for (auto& guard : guards_) guard->reset();
}

void ChecksumUnit::own(FaultOwners& owners) {
  for (auto& guard : guards_) {
    Checker& checker = *guard->checker;
    Line& alarm = guard->alarm;
    owners.own(
        alarm.reg(), alarm.reg() + 1, [&alarm](const Fault& fault) { alarm.arm(fault); },
        [&alarm]() { return alarm.tap().outcome(); });
    owners.own(
        guard->registers.first, guard->registers.second,
        [&checker](const Fault& fault) { checker.tap().add(fault); },
        [&checker]() { return checker.tap().outcome(); });
  }
}

void ChecksumUnit::code_errors(const CodeErrors& errors) {
  for (auto& guard : guards_)
    if ((guard->checker->needs() & kCodeErrors) != 0) guard->checker->code_errors(errors);
}

void ChecksumUnit::observe(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const Burst& burst = burst_of(payload);
  decode(burst, reinterpret_cast<const std::byte*>(payload.get_data_ptr()),
         payload.get_data_length());
  const bool value = (burst.observation & (kValueWritten | kValueRead)) != 0;
  const std::size_t stride =
      value ? burst.timing.groups * burst.values_stride : burst.values_stride;
  const Observed observed{burst.tile, values_.data(), stride, burst.timing};
  const bool sums = burst.observation == kScalars && payload.get_address() != 0;
  for (auto& guard : guards_) {
    if ((guard->checker->needs() & burst.observation) == 0) continue;
    if (!sums) guard->seen.add(static_cast<Observation>(burst.observation), burst.tile);
    guard->observed_bytes += burst.bytes();
    dispatch(*guard, burst, payload.get_address(), observed);
    guard->take_checkpoint(burst.tile);
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

/// Values as float32, in the layout of checker.h. V crosses pass by pass in lines of C columns,
/// output rows slice by slice; checkers see them whole.
void ChecksumUnit::decode(const Burst& burst, const std::byte* raw, std::size_t bytes) {
  const std::size_t count = bytes / bytes_of(burst.format);
  const bool value = (burst.observation & (kValueWritten | kValueRead)) != 0;
  const bool output = burst.observation == kOutputs;
  LaneTile& target = value || output ? lines_ : values_;
  target.resize(std::max(target.size(), count));
  values_.resize(std::max(values_.size(), count));
  decode_values(burst.format, raw, target.data(), count);
  if (value) join_value_rows(burst);
  if (output) join_output_rows(burst);
}

/// [pass][key][C] to [key][passes × C].
void ChecksumUnit::join_value_rows(const Burst& burst) {
  const std::size_t line = burst.values_stride, keys = burst.timing.beats,
                    passes = burst.timing.groups;
  for (std::size_t pass = 0; pass < passes; ++pass)
    for (std::size_t key = 0; key < keys; ++key)
      std::copy_n(&lines_[(pass * keys + key) * line], line,
                  &values_[(key * passes + pass) * line]);
}

/// [slice][C of acc, C of output, reciprocal][stride] to acc [d][stride], output [d][stride],
/// reciprocal [stride].
void ChecksumUnit::join_output_rows(const Burst& burst) {
  const std::size_t stride = burst.values_stride, tile = dimensions_.head_dim * stride;
  const float* from = lines_.data();
  float* to = values_.data();
  for (std::uint32_t slice = 0; slice < burst.timing.groups; ++slice) {
    const std::size_t count = (burst.lanes_of(slice) - 1) / 2 * stride;
    std::copy_n(from, count, to);
    std::copy_n(from + count, count, to + tile);
    std::copy_n(from + 2 * count, stride, values_.data() + 2 * tile);
    from += 2 * count + stride;
    to += count;
  }
}

void ChecksumUnit::dispatch(Guard& guard, const Burst& burst, std::uint64_t address,
                            const Observed& observed) const {
  Checker& checker = *guard.checker;
  switch (burst.observation) {
    case kQueryWritten:
      return checker.query_written(observed);
    case kQueryRead:
      return checker.query_read(observed);
    case kKeyWritten:
      return checker.key_written(observed);
    case kKeyRead:
      return checker.key_read(observed);
    case kValueWritten:
      return checker.value_written(observed);
    case kValueRead:
      return checker.value_read(observed);
    case kScores:
      return checker.scores(observed);
    case kProbabilities:
      return checker.probabilities(observed);
    case kScalars:
      return address == 0 ? checker.alphas(observed) : checker.sums(observed);
    case kPartials:
      return checker.partials(observed);
    case kOutputs:
      return checker.outputs(observed);
    default:
      SC_REPORT_FATAL("checksum_unit", "observation without a kind");
  }
}

ChecksumUnit::Guard::Guard(const CheckerConfig& config, const CheckerDimensions& dimensions,
                           const Clock& clock, FaultUniverse& universe, LiveLog& log)
    : name(config.name),
      checker(make_checker(config, dimensions)),
      alarm(("alarm_" + config.name).c_str(), clock, universe, log, "line.alarm." + config.name,
            Domain::safety_mechanism),
      alarm_cycle(std::numeric_limits<std::uint64_t>::max()),
      clock_(clock) {
  registers.first = static_cast<RegisterId>(universe.classes().size());
  checker->declare(universe);
  registers.second = static_cast<RegisterId>(universe.classes().size());
  checker->connect(*this, log);

  sc_core::sc_spawn_options raise;
  raise.spawn_method();
  raise.dont_initialize();
  raise.set_sensitivity(&raise_event_);
  sc_core::sc_spawn([this] { raise_method(); }, ("raise_" + name).c_str(), &raise);
  sc_core::sc_spawn_options watch;
  watch.spawn_method();
  watch.dont_initialize();
  watch.set_sensitivity(&alarm.signal.posedge_event());
  sc_core::sc_spawn([this] { watch_method(); }, ("watch_" + name).c_str(), &watch);
}

void ChecksumUnit::Guard::reset() {
  raise_event_.cancel();
  kept_.clear();
  checker->reset();
  checker->tap().disarm();
  alarm.reset(false);
  seen.clear();
  observed_bytes = 0;
  checks.clear();
  alarms_.clear();
  checks.reserve(expected_checks_);  // the record of the previous run was handed out whole
  alarm_cycle = std::numeric_limits<std::uint64_t>::max();
}

void ChecksumUnit::Guard::checked(const Check& check) {
  checks.push_back(check);
  expected_checks_ = std::max(expected_checks_, checks.size());
  if (check.alarm) add({check.cycle, place_of(check)});
}

void ChecksumUnit::Guard::alarmed(std::uint64_t cycle, const Place& place) { add({cycle, place}); }

Place ChecksumUnit::Guard::place_of(const Check& check) const {
  Place place;
  place.head = static_cast<std::int32_t>(check.head);
  place.query_row = static_cast<std::int32_t>(check.query_row);
  if (checker->compares_key_tiles(check.comparison))
    place.key_tile = static_cast<std::int32_t>(check.key_tile);
  return place;
}

void ChecksumUnit::Guard::add(const Alarm& raised) {
  alarms_.push_back(raised);
  // An earlier notification replaces a later one; the line stays high once raised.
  raise_event_.notify(clock_.until(raised.cycle + 1));
}

std::vector<Place> ChecksumUnit::Guard::status(std::uint64_t cycle) const {
  std::vector<Place> record;
  for (const Alarm& raised : alarms_)
    if (raised.cycle < cycle) record.push_back(raised.place);
  return record;
}

std::uint64_t ChecksumUnit::Guard::last_reading() const {
  std::uint64_t last = 0;
  for (const Check& check : checks) last = std::max(last, check.cycle + 1);
  for (const Alarm& raised : alarms_) last = std::max(last, raised.cycle + 1);
  return last;
}

void ChecksumUnit::Guard::acknowledge(std::uint64_t cycle) {
  alarms_.erase(std::remove_if(alarms_.begin(), alarms_.end(),
                               [&](const Alarm& raised) { return raised.cycle < cycle; }),
                alarms_.end());
  alarm.write(false, cycle);
  raise_event_.cancel();
  for (const Alarm& raised : alarms_) raise_event_.notify(clock_.until(raised.cycle + 1));
}

void ChecksumUnit::Guard::abandon(std::uint64_t cycle,
                                  const std::function<bool(const Place&)>& redone) {
  checks.erase(std::remove_if(checks.begin(), checks.end(),
                              [&](const Check& check) {
                                return check.cycle >= cycle && redone(place_of(check));
                              }),
               checks.end());
  alarms_.erase(std::remove_if(alarms_.begin(), alarms_.end(),
                               [&](const Alarm& raised) {
                                 return raised.cycle >= cycle && redone(raised.place);
                               }),
                alarms_.end());
  acknowledge(cycle);
  checker->reset();
  checker->tap().abandon(cycle);
}

void ChecksumUnit::Guard::keep_checkpoints(std::size_t copies) {
  kept_.clear();
  if (copies == 0) return;
  for (RegisterBook* book : checker->registers()) {
    const RegisterShape& shape = book->shape();
    if (shape.temporary || !(shape.meaning == LaneMeaning::row || shape.of_query_tile)) continue;
    kept_.push_back({book, book->writes()});
    kept_.back().checkpoints.start(copies);
  }
}

/// Each of these registers is written by the observations of S or by those of P·V, never by both,
/// so the order in which the two of different key tiles come is of no importance.
void ChecksumUnit::Guard::take_checkpoint(const TileContext& tile) {
  for (KeptRegisters& kept : kept_) {
    if (kept.book->writes() == kept.writes) continue;
    kept.writes = kept.book->writes();
    Checkpoints::Copy& copy = kept.checkpoints.after(tile, clock_.cycle());
    const RegisterShape& shape = kept.book->shape();
    for (std::uint32_t group = 0; group < shape.groups; ++group)
      copy.add(kept.book->at(group, 0), shape.lanes * kept.book->element_bytes());
  }
}

void ChecksumUnit::Guard::return_to(std::uint32_t head, std::uint32_t query_tile,
                                    std::uint32_t key_tile) {
  for (KeptRegisters& kept : kept_) {
    kept.writes = kept.book->writes();
    kept.checkpoints.forget(head, query_tile, key_tile);
    const Checkpoints::Copy* copy = kept.checkpoints.before(head, query_tile, key_tile);
    if (copy == nullptr) continue;
    const RegisterShape& shape = kept.book->shape();
    const std::size_t bytes = shape.lanes * kept.book->element_bytes();
    for (std::uint32_t group = 0; group < shape.groups; ++group)
      std::memcpy(kept.book->at(group, 0), copy->at<std::byte>(group * bytes), bytes);
  }
}

std::optional<Activity> ChecksumUnit::Guard::activity() const {
  TilesSeen all = seen;
  for (const Check& check : checks) all.add_check(check.comparison);
  const std::optional<Arithmetic> arithmetic = checker->arithmetic(all);
  if (!arithmetic) return std::nullopt;
  Activity activity;
  activity.arithmetic = *arithmetic;
  activity.link_bytes = observed_bytes;
  for (const RegisterBook* book : checker->registers()) {
    if (!book->declared()) continue;
    const RegisterShape& shape = book->shape();
    RegisterClass cls;
    cls.path = shape.path;
    const std::uint64_t bits = bits_of(shape.format);
    activity.storage.push_back({cls.site_class(), shape.storage == StorageKind::sram,
                                std::uint64_t{shape.groups} * shape.lanes * bits,
                                book->reads() * bits, book->writes() * bits});
  }
  return activity;
}

/// The line is read in every cycle, also where a fault keeps it low.
void ChecksumUnit::Guard::raise_method() {
  alarm.write(true, clock_.cycle() - 1);
  alarm.sample(clock_.cycle());
}

/// Detection reads the line: the first cycle in which it is high. A flip is read in the same way.
void ChecksumUnit::Guard::watch_method() {
  alarm_cycle = std::min(alarm_cycle, clock_.cycle());
  alarm.sample(clock_.cycle());
}

}  // namespace attnguard
