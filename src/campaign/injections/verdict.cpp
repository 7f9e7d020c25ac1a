#include "src/campaign/injections/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace attnguard {
namespace {

bool same_words(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b,
                std::size_t first, std::size_t count) {
  return std::memcmp(a.data() + first, b.data() + first, count * sizeof(std::uint32_t)) == 0;
}

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

}  // namespace

OutputDifference compare_outputs(const RunResult& golden, const RunResult& run,
                                 const OutputLayout& layout) {
  OutputDifference difference;
  for (std::size_t first = 0; first < golden.output.size(); first += layout.head_dim)
    if (!same_words(golden.output, run.output, first, layout.head_dim))
      add_changed_row(&golden.output[first], &run.output[first], layout.head_dim,
                      row_scale(&golden.output[first], layout.head_dim, layout.format),
                      layout.format, difference);
  return difference;
}

namespace {

/// Calls visit(cycle) for every word that differs from the golden output and was accepted.
template <class Visit>
void visit_bad_commits(const RunResult& golden, const RunResult& run, const OutputLayout& layout,
                       Visit visit) {
  // Of a word that was written twice the last write stands.
  std::vector<bool> seen(golden.output.size());
  for (auto commit = run.commits.rbegin(); commit != run.commits.rend(); ++commit)
    for (std::uint32_t row = 0; row < commit->rows; ++row) {
      const std::size_t first =
          (std::size_t{commit->head} * layout.tokens_q + commit->first_row + row) *
              layout.head_dim +
          commit->first_col;
      if (same_words(golden.output, run.output, first, commit->cols)) continue;
      for (std::uint32_t c = 0; c < commit->cols; ++c) {
        if (golden.output[first + c] == run.output[first + c] || seen[first + c]) continue;
        seen[first + c] = true;
        const std::uint64_t slice = c / commit->slice_cols;
        visit(commit->first_cycle + std::uint64_t{row} * commit->row_interval_cycles +
              slice * commit->slice_interval_cycles);
      }
    }
}

}  // namespace

std::uint64_t first_bad_commit(const RunResult& golden, const RunResult& run,
                               const OutputLayout& layout) {
  std::uint64_t earliest = kNever;
  visit_bad_commits(golden, run, layout,
                    [&](std::uint64_t cycle) { earliest = std::min(earliest, cycle); });
  return earliest;
}

std::map<std::uint64_t, std::uint64_t> bad_commits(const RunResult& golden, const RunResult& run,
                                                   const OutputLayout& layout) {
  std::map<std::uint64_t, std::uint64_t> words;
  visit_bad_commits(golden, run, layout, [&](std::uint64_t cycle) { ++words[cycle]; });
  return words;
}

Effect judge_effect(const Measurement& measurement, std::uint64_t fault_cycle, double tolerance) {
  switch (measurement.completion) {
    case Completion::hang:
      return Effect::hang;
    case Completion::crash:
      return Effect::crash;
    case Completion::failed:
      return Effect::sim_error;
    case Completion::finished:
      break;
  }
  const OutputDifference& difference = measurement.difference;
  if (difference.changed_values > 0)
    return beyond(difference.max_row_error, difference.nonfinite, tolerance) ? Effect::sdc
                                                                             : Effect::tolerable;
  if (measurement.fault.activated) return Effect::masked;
  return measurement.cycles <= fault_cycle ? Effect::not_injected : Effect::not_activated;
}

bool dangerous(Effect effect) {
  return effect == Effect::sdc || effect == Effect::hang || effect == Effect::crash;
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

Verdict judge(FaultOwner owner, Effect effect, bool alarm) {
  if (owner == FaultOwner::other_checker || effect == Effect::not_injected ||
      effect == Effect::sim_error)
    return Verdict::not_applicable;
  if (owner == FaultOwner::this_checker) return alarm ? Verdict::spurious_alarm : Verdict::benign;
  if (dangerous(effect)) return alarm ? Verdict::detected : Verdict::undetected;
  return alarm ? Verdict::safe_detected : Verdict::benign;
}

Detection detection(std::uint64_t alarm_cycle, std::uint64_t first_bad_commit_cycle) {
  if (alarm_cycle == kNever) return Detection::none;
  return alarm_cycle <= first_bad_commit_cycle ? Detection::before_commit : Detection::after_commit;
}

bool same_inputs(const Check& a, const Check& b) {
  return same_bits(a.lhs, b.lhs) && same_bits(a.rhs, b.rhs) && same_bits(a.scale, b.scale);
}

const Check* CheckPairs::next(const Check& check) {
  std::size_t& at = next_[check.comparison];
  while (at < golden_.size() && golden_[at].comparison != check.comparison) ++at;
  return at < golden_.size() ? &golden_[at++] : nullptr;
}

std::vector<RatioMax> largest_ratios(const CheckerResult& golden, const CheckerResult& run,
                                     std::size_t comparisons) {
  std::vector<RatioMax> ratios(comparisons);
  CheckPairs pairs(golden.checks, comparisons);
  for (const Check& check : run.checks) {
    const Check* expected = pairs.next(check);
    if (expected == nullptr || !same_inputs(check, *expected))
      add_changed_check(check, ratios[check.comparison]);
  }
  return ratios;
}

bool alarm_is_nonfinite(const CheckerResult& run) {
  bool alarm = false;
  for (const Check& check : run.checks) {
    if (check.alarm && !check.nonfinite) return false;
    alarm |= check.alarm;
  }
  return alarm;
}

}  // namespace attnguard
