#include "tests/support/run_text.h"

#include <fmt/format.h>

#include <string_view>

#include "src/config/sha256.h"

namespace attnguard {
namespace {

template <class T>
std::string_view bytes_of_vector(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Field by field: a Check has padding. `{:a}` keeps every bit of a double.
std::string check_text(const Check& c) {
  return fmt::format("{} {} {} {} {} {:a} {:a} {:a} {:a} {:a} {} {}\n", c.comparison, c.head,
                     c.query_row, c.key_tile, c.cycle, c.lhs, c.rhs, c.residual, c.scale,
                     c.threshold, c.alarm, c.nonfinite);
}

std::string activity_text(const Activity& activity) {
  std::string text =
      fmt::format("links {} external {}\n", activity.link_bytes, activity.external_bytes);
  for (const OperationUse& use : activity.arithmetic.uses())
    text += fmt::format("{} {} {} {}\n", enum_name(use.operation), static_cast<int>(use.format),
                        use.operations, use.units);
  for (const StorageUse& use : activity.storage)
    text += fmt::format("{} {} {} {}\n", use.name, use.bits, use.bits_read, use.bits_written);
  return text;
}

std::string checker_text(const CheckerResult& checker) {
  std::string checks;
  for (const Check& check : checker.checks) checks += check_text(check);
  return fmt::format("checks {} {} alarm {}\n", checker.checks.size(), sha256_hex(checks),
                     checker.alarm_cycle);
}

}  // namespace

std::string fault_text(const FaultOutcome& fault) {
  if (!fault.activated) return "not activated";
  return fmt::format("activated {} {:x} -> {:x} at {} {} {}", fault.activate_cycle,
                     fault.value_before, fault.value_after, fault.place.head, fault.place.query_row,
                     fault.place.key_tile);
}

std::string run_text(const RunResult& run) {
  std::string text =
      fmt::format("completion {} {} {}\nfault {}\n", static_cast<int>(run.completion),
                  run.crash_reason, run.crash_cycle, fault_text(run.fault));
  for (const CheckerResult& checker : run.checkers) text += checker_text(checker);
  text += fmt::format("code reads {} {} {} {}\n", run.code_reads.corrected, run.code_reads.detected,
                      run.code_reads.miscorrected, run.code_reads.missed);
  if (run.completion != Completion::finished) return text;
  text += fmt::format("cycles {}\nmacs {}\noutput {}\n", run.cycles, run.macs,
                      sha256_hex(bytes_of_vector(run.output)));
  for (const CommitRecord& c : run.commits)
    text += fmt::format("commit {} {} {} {} {} {} {} {} {}\n", c.head, c.first_row, c.rows,
                        c.first_col, c.cols, c.first_cycle, c.row_interval_cycles,
                        c.slice_interval_cycles, c.slice_cols);
  for (const auto& [unit, stats] : run.units) {
    text += fmt::format("unit {} busy {}", unit, stats.busy_cycles);
    for (const auto& [reason, cycles] : stats.stall_cycles)
      text += fmt::format(" {} {}", reason, cycles);
    text += '\n';
  }
  for (const auto& [link, bytes] : run.link_bytes) text += fmt::format("link {} {}\n", link, bytes);
  return text;
}

std::string counts_text(const RunResult& run) {
  std::string text;
  for (const auto& [unit, activity] : run.activity) text += unit + " " + activity_text(activity);
  for (const CheckerResult& checker : run.checkers)
    text += "checker " + (checker.activity ? activity_text(*checker.activity) : "unknown\n");
  return text;
}

}  // namespace attnguard
