#include "src/campaign/injections/record.h"

#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace attnguard {
namespace {

// Every field in its order, for writing and reading alike. Never a whole struct: its padding would
// differ from run to run.
template <class Record, class Field>
void visit(Record& record, Field field) {
  const auto fields = [&](auto&... values) { (field(values), ...); };
  auto& injection = record.injection;
  fields(injection.number, injection.stratum, injection.faults, injection.first_cycle);
  auto& fault = injection.fault;
  fields(fault.site.reg, fault.site.index, fault.bit, fault.bits_flipped, fault.cycle);
  fields(fault.how.model, fault.how.value, fault.how.missing, fault.how.period_cycles,
         fault.how.duty_cycles, fault.pattern, fault.delay_cycles);

  auto& measurement = record.measurement;
  fields(measurement.completion, measurement.cycles);
  auto& outcome = measurement.fault;
  fields(outcome.activated, outcome.activate_cycle, outcome.value_before, outcome.value_after);
  fields(outcome.place.head, outcome.place.query_row, outcome.place.key_tile);
  auto& difference = measurement.difference;
  fields(difference.changed_values, difference.changed_rows, difference.max_abs_error,
         difference.max_row_error, difference.nonfinite);
  fields(measurement.first_bad_commit_cycle);
  auto& reads = measurement.code_reads;
  fields(reads.corrected, reads.detected, reads.miscorrected, reads.missed);
  for (auto& checker : measurement.checkers) {
    fields(checker.alarm_cycle, checker.alarm_is_nonfinite);
    for (auto& ratio : checker.ratios) fields(ratio.ratio, ratio.cycle, ratio.nonfinite);
  }
  if (measurement.recovery) {
    auto& recovery = *measurement.recovery;
    fields(recovery.outcome, recovery.retries, recovery.extra_cycles, recovery.cycles_to_recover,
           recovery.changed_values, recovery.max_row_error);
  }
}

struct Writer {
  template <class T>
  void operator()(const T& value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void operator()(const std::optional<double>& value) {
    (*this)(value.has_value());
    (*this)(value.value_or(0));
  }
  std::string& bytes;
};

struct Reader {
  template <class T>
  void operator()(T& value) {
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
  }
  void operator()(std::optional<double>& value) {
    bool has_value = false;
    double number = 0;
    (*this)(has_value);
    (*this)(number);
    value = has_value ? std::optional(number) : std::nullopt;
  }
  const char*& at;
};

}  // namespace

RecordCodec::RecordCodec(const CampaignContext& context) {
  for (const auto& comparisons : context.comparisons) {
    shape_.measurement.checkers.emplace_back();
    shape_.measurement.checkers.back().ratios.resize(comparisons.size());
  }
  if (context.recovery) shape_.measurement.recovery.emplace();
  std::string bytes;
  visit(shape_, Writer{bytes});
  size_ = bytes.size();
}

void RecordCodec::encode(const Record& record, std::string& bytes) const {
  const std::size_t end = bytes.size() + size_;
  visit(record, Writer{bytes});
  if (bytes.size() != end) throw std::logic_error("a measurement with other checkers");
}

void RecordCodec::decode(std::string_view bytes, Record& record) const {
  if (record.measurement.checkers.size() != shape_.measurement.checkers.size() ||
      record.measurement.recovery.has_value() != shape_.measurement.recovery.has_value())
    record = shape_;
  const char* at = bytes.data();
  visit(record, Reader{at});
}

std::uint64_t RecordCodec::number(std::string_view bytes) {
  std::uint64_t number = 0;  // the first field
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

Record RecordCodec::blank(const Injection& injection) const {
  Record record = shape_;
  record.injection = injection;
  return record;
}

}  // namespace attnguard
