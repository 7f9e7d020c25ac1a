#include "src/campaign/record.h"

#include <fmt/format.h>

#include <cstring>
#include <type_traits>

#include "src/campaign/csv.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

template <class T>
void put(std::string& bytes, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T take(std::string_view& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

std::optional<std::uint32_t> place_value(std::int32_t value) {
  return value < 0 ? std::nullopt : std::optional<std::uint32_t>(static_cast<std::uint32_t>(value));
}

std::string bit_pattern(std::uint64_t value, std::uint32_t bits) {
  return fmt::format("0x{:0{}x}", value, (bits + 3) / 4);
}

void add_fault(CsvLine& line, const CampaignContext& context, const Injection& injection,
               const RunResult& run) {
  const RegisterClass& cls = context.universe[injection.fault.site.reg];
  const PlanStratum& stratum = context.plan.strata()[injection.stratum];
  line.add(injection.number).add(stratum.name).add(stratum.weight);
  line.add(enum_name(injection.model))
      .add("transient")
      .add(context.universe.name(injection.fault.site));
  line.add(cls.site_class()).add(cls.domain == Domain::function ? "function" : "safety_mechanism");
  // A flip happens in one cycle; how long the wrong value then stays is the register's business.
  line.add(injection.fault.bit)
      .add(injection.fault.bits_flipped)
      .add(injection.fault.cycle)
      .add(1U);
  const FaultOutcome& outcome = run.fault;
  if (!outcome.activated) {
    line.skip(6);
    return;
  }
  line.add(outcome.activate_cycle)
      .add(bit_pattern(outcome.value_before, cls.bits))
      .add(bit_pattern(outcome.value_after, cls.bits));
  line.add(place_value(outcome.place.head))
      .add(place_value(outcome.place.query_row))
      .add(place_value(outcome.place.key_tile));
}

void add_effect(CsvLine& line, Effect effect, const OutputDifference& difference, bool finished,
                std::uint64_t bad_commit) {
  line.add(enum_name(effect));
  if (finished) {
    line.add(difference.nonfinite).add(difference.changed_values).add(difference.changed_rows);
    line.add(difference.max_abs_error).add(difference.max_row_error);
  } else {
    line.skip(5);  // the output of a run that did not finish was never complete
  }
  line.add(bad_commit == kNever ? std::nullopt : std::optional(bad_commit));
}

CheckerRecord add_checker(CsvLine& line, const CampaignContext& context, std::size_t c,
                          const Injection& injection, const RunResult& run, Effect effect,
                          std::uint64_t bad_commit) {
  const CheckerResult& result = run.checkers[c];
  CheckerRecord record;
  record.owner = owner_of(context.universe[injection.fault.site.reg], context.checkers[c]);
  record.alarm = result.alarm_cycle != kNever;
  record.nonfinite_alarm = record.alarm && alarm_is_nonfinite(result);
  line.add(enum_name(judge(record.owner, effect, record.alarm)));
  if (!record.alarm) {
    line.add(enum_name(Detection::none)).skip(3);
  } else {
    if (result.alarm_cycle < injection.fault.cycle)
      throw ModelError(fmt::format(
          "injection {}: checker {} alarms at cycle {}, before the fault of cycle {}",
          injection.number, context.checkers[c], result.alarm_cycle, injection.fault.cycle));
    record.latency_cycles = result.alarm_cycle - injection.fault.cycle;
    line.add(enum_name(result.alarm_cycle <= bad_commit ? Detection::before_commit
                                                        : Detection::after_commit));
    line.add(result.alarm_cycle).add(record.latency_cycles);
    if (run.fault.activated && result.alarm_cycle >= run.fault.activate_cycle) {
      line.add(result.alarm_cycle - run.fault.activate_cycle);
    } else {
      line.skip();
    }
  }
  for (const RatioMax& ratio :
       largest_ratios(context.golden.checkers[c], result, context.comparisons[c].size())) {
    line.add(ratio.ratio);
    line.add(ratio.ratio ? std::optional(ratio.cycle) : std::nullopt);
    line.add(ratio.nonfinite);
  }
  return record;
}

}  // namespace

std::string InjectionRecord::to_bytes() const {
  std::string bytes;
  put(bytes, effect);
  put(bytes, nonfinite);
  put(bytes, row_error);
  put(bytes, static_cast<std::uint32_t>(checkers.size()));
  for (const CheckerRecord& checker : checkers) {
    put(bytes, checker.owner);
    put(bytes, checker.alarm);
    put(bytes, checker.nonfinite_alarm);
    put(bytes, checker.latency_cycles);
  }
  return bytes + row;
}

InjectionRecord InjectionRecord::from_bytes(std::string_view bytes) {
  InjectionRecord record;
  record.effect = take<Effect>(bytes);
  record.nonfinite = take<bool>(bytes);
  record.row_error = take<double>(bytes);
  record.checkers.resize(take<std::uint32_t>(bytes));
  for (CheckerRecord& checker : record.checkers) {
    checker.owner = take<FaultOwner>(bytes);
    checker.alarm = take<bool>(bytes);
    checker.nonfinite_alarm = take<bool>(bytes);
    checker.latency_cycles = take<std::uint64_t>(bytes);
  }
  record.row = bytes;
  return record;
}

FaultOwner owner_of(const RegisterClass& cls, const std::string& checker) {
  if (cls.domain == Domain::function) return FaultOwner::datapath;
  const std::string path = cls.path + ".";
  for (const std::string_view prefix : {"checksum.", "line.alarm."})
    if (path.compare(0, prefix.size(), prefix) == 0)
      return path.compare(prefix.size(), checker.size() + 1, checker + ".") == 0
                 ? FaultOwner::this_checker
                 : FaultOwner::other_checker;
  return FaultOwner::this_checker;
}

std::string injections_header(const CampaignContext& context) {
  CsvLine line;
  for (const char* column : {"injection",
                             "stratum",
                             "weight",
                             "fault_model",
                             "fault_class",
                             "site",
                             "site_class",
                             "domain",
                             "bit",
                             "bits_flipped",
                             "inject_cycle",
                             "duration_cycles",
                             "activate_cycle",
                             "value_before",
                             "value_after",
                             "head",
                             "query_row",
                             "key_tile",
                             "effect",
                             "nonfinite",
                             "changed_values",
                             "changed_rows",
                             "max_abs_error",
                             "max_row_error",
                             "first_bad_commit_cycle"})
    line.add(column);
  for (std::size_t c = 0; c < context.checkers.size(); ++c) {
    for (const char* column : {"verdict", "detection", "alarm_cycle", "latency_cycles",
                               "latency_from_activation_cycles"})
      line.add(context.checkers[c] + "." + column);
    for (const std::string& comparison : context.comparisons[c])
      for (const char* column : {"ratio_max", "ratio_max_cycle", "nonfinite"})
        line.add(context.checkers[c] + "." + comparison + "." + column);
  }
  return line.str();
}

InjectionRecord make_record(const CampaignContext& context, const Injection& injection,
                            const RunResult& run) {
  const bool finished = run.completion == Completion::finished;
  const OutputDifference difference =
      finished ? compare_outputs(context.golden, run, context.layout) : OutputDifference{};
  if (difference.changed_values > 0 && !run.fault.activated)
    throw ModelError(fmt::format(
        "injection {}: the output changed though the flip of {} bit {} at cycle {} was never read",
        injection.number, context.universe.name(injection.fault.site), injection.fault.bit,
        injection.fault.cycle));
  InjectionRecord record;
  record.effect = judge_effect(run, injection.fault.cycle, difference, context.tolerance);
  record.nonfinite = difference.nonfinite;
  record.row_error = difference.max_row_error;
  const std::uint64_t bad_commit = first_bad_commit(context.golden, run, context.layout);
  CsvLine line;
  add_fault(line, context, injection, run);
  add_effect(line, record.effect, difference, finished, bad_commit);
  for (std::size_t c = 0; c < context.checkers.size(); ++c)
    record.checkers.push_back(
        add_checker(line, context, c, injection, run, record.effect, bad_commit));
  record.row = line.str();
  return record;
}

}  // namespace attnguard
