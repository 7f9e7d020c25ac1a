#include "src/campaign/figures/row.h"

#include <optional>

namespace attnguard {
namespace {

std::optional<std::uint64_t> place_value(std::int32_t value) {
  return value < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(value));
}

std::optional<std::uint64_t> cycle_value(std::uint64_t cycle) {
  return cycle == kNever ? std::nullopt : std::optional(cycle);
}

}  // namespace

std::string injections_header(const CampaignContext& context) {
  CsvLine line;
  for (const char* column : {"injection",     "stratum",
                             "weight",        "fault_model",
                             "fault_class",   "site",
                             "site_class",    "domain",
                             "bit",           "bits_flipped",
                             "inject_cycle",  "duration_cycles",
                             "faults",        "activate_cycle",
                             "value_before",  "value_after",
                             "head",          "query_row",
                             "key_tile",      "effect",
                             "nonfinite",     "changed_values",
                             "changed_rows",  "max_abs_error",
                             "max_row_error", "first_bad_commit_cycle"})
    line.add(column);
  if (context.protected_buffers)
    for (const char* column :
         {"corrected_reads", "detected_reads", "miscorrected_reads", "missed_reads"})
      line.add(column);
  for (std::size_t c = 0; c < context.checkers.size(); ++c) {
    for (const char* column : {"verdict", "detection", "alarm_cycle", "latency_cycles",
                               "latency_from_activation_cycles"})
      line.add(context.checkers[c] + "." + column);
    for (const std::string& comparison : context.comparisons[c])
      for (const char* column : {"ratio_max", "ratio_max_cycle", "nonfinite"})
        line.add(context.checkers[c] + "." + comparison + "." + column);
  }
  if (context.recovery)
    for (const char* column : {"outcome", "retries", "extra_cycles", "cycles_to_recover",
                               "changed_values", "max_row_error"})
      line.add(std::string("recovery.") + column);
  return line.str();
}

RowWriter::RowWriter(const CampaignContext& context) : context_(context), owners_(context) {
  for (const PlanStratum& stratum : context.plan.strata())
    strata_.push_back(CsvLine().add(stratum.name).add(stratum.weight).fields());
  for (const RegisterClass& cls : context.universe.classes())
    classes_.push_back(CsvLine()
                           .add(cls.site_class())
                           .add(cls.domain == Domain::function ? "function" : "safety_mechanism")
                           .fields());
}

void RowWriter::append(const Record& record, fmt::memory_buffer& text) {
  const auto& [injection, measurement] = record;
  const Effect effect = judge_effect(measurement, injection.first_cycle, context_.tolerance);
  add_injection(injection);
  add_activation(measurement.fault, context_.universe[injection.fault.site.reg].bits);
  add_effect(effect, measurement);
  for (std::size_t c = 0; c < context_.checkers.size(); ++c) add_checker(c, effect, record);
  if (measurement.recovery) add_recovery(*measurement.recovery);
  line_.end(text);
}

std::string RowWriter::row(const Record& record) {
  fmt::memory_buffer text;
  append(record, text);
  return fmt::to_string(text);
}

void RowWriter::add_injection(const Injection& injection) {
  const Fault& fault = injection.fault;
  line_.add(injection.number).add_fields(strata_[injection.stratum]);
  line_.add_fields(enum_name(injection.model())).add_fields(enum_name(injection.fault_class()));
  line_.add(context_.universe.name(fault.site)).add_fields(classes_[fault.site.reg]);
  line_.add(fault.bit).add(fault.bits_flipped).add(injection.first_cycle);
  switch (injection.fault_class()) {
    case FaultClass::transient:  // how long the wrong value then stays is the register's business
      line_.add(1U);
      break;
    case FaultClass::intermittent:
      line_.add(fault.how.duty_cycles);
      break;
    case FaultClass::permanent:
      line_.skip();
      break;
  }
  line_.add(injection.faults);
}

void RowWriter::add_activation(const FaultOutcome& outcome, std::uint32_t register_bits) {
  if (!outcome.activated) {
    line_.skip(6);
    return;
  }
  line_.add(outcome.activate_cycle);
  line_.add_bits(outcome.value_before, register_bits).add_bits(outcome.value_after, register_bits);
  const auto of_attention = [&](std::int32_t value) {
    return context_.layout.gemm ? std::nullopt : place_value(value);
  };
  line_.add(of_attention(outcome.place.head))
      .add(place_value(outcome.place.query_row))
      .add(of_attention(outcome.place.key_tile));
}

void RowWriter::add_effect(Effect effect, const Measurement& measurement) {
  line_.add_fields(enum_name(effect));
  if (measurement.completion == Completion::finished) {
    const OutputDifference& difference = measurement.difference;
    line_.add(difference.nonfinite).add(difference.changed_values).add(difference.changed_rows);
    line_.add(difference.max_abs_error).add(difference.max_row_error);
  } else {
    line_.skip(5);  // the output of a run that did not finish was never complete
  }
  line_.add(cycle_value(measurement.first_bad_commit_cycle));
  if (!context_.protected_buffers) return;
  if (effect == Effect::sim_error) {
    line_.skip(4);
    return;
  }
  const CodeReads& reads = measurement.code_reads;
  line_.add(reads.corrected).add(reads.detected).add(reads.miscorrected).add(reads.missed);
}

void RowWriter::add_recovery(const RecoveryMeasurement& recovery) {
  line_.add_fields(enum_name(recovery.outcome));
  if (recovery.outcome == RecoveryOutcome::none)
    line_.skip();
  else
    line_.add(recovery.retries);
  line_.add(recovery.finished() ? std::optional(recovery.extra_cycles) : std::nullopt);
  line_.add(recovery.outcome == RecoveryOutcome::recovered
                ? std::optional(recovery.cycles_to_recover)
                : std::nullopt);
  line_.add(recovery.finished() ? std::optional(recovery.changed_values) : std::nullopt);
  line_.add(recovery.finished() ? std::optional(recovery.max_row_error) : std::nullopt);
}

void RowWriter::add_checker(std::size_t c, Effect effect, const Record& record) {
  const auto& [injection, measurement] = record;
  const CheckerMeasurement& checker = measurement.checkers[c];
  const bool alarm = checker.alarm_cycle != kNever;
  line_.add_fields(enum_name(judge(owners_(injection.fault.site.reg, c), effect, alarm)));
  if (effect == Effect::sim_error) {
    line_.skip(4 + 3 * static_cast<int>(checker.ratios.size()));
    return;
  }
  line_.add_fields(enum_name(detection(checker.alarm_cycle, measurement.first_bad_commit_cycle)));
  if (alarm) {
    line_.add(checker.alarm_cycle).add(checker.alarm_cycle - injection.first_cycle);
    const FaultOutcome& fault = measurement.fault;
    const bool after = fault.activated && checker.alarm_cycle >= fault.activate_cycle;
    line_.add(after ? std::optional(checker.alarm_cycle - fault.activate_cycle) : std::nullopt);
  } else {
    line_.skip(3);
  }
  for (const RatioMax& ratio : checker.ratios)
    line_.add(ratio.ratio)
        .add(ratio.ratio ? std::optional(ratio.cycle) : std::nullopt)
        .add(ratio.nonfinite);
}

}  // namespace attnguard
