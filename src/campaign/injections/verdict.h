// What a fault did to the output, and what each checker made of it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/fabric/field.h"
#include "models/fault_injector/fault_universe.h"
#include "models/numerics/format.h"
#include "src/campaign/injections/measurement.h"
#include "src/simulation/simulation.h"

namespace attnguard {

enum class Effect : std::uint8_t {
  not_injected,
  not_activated,
  masked,
  tolerable,
  sdc,
  hang,
  crash,
  sim_error
};
enum class Verdict : std::uint8_t {
  detected,
  undetected,
  safe_detected,
  benign,
  spurious_alarm,
  not_applicable
};
enum class Detection : std::uint8_t { none, before_commit, after_commit };

template <>
struct EnumNames<Effect> {
  static constexpr std::array<std::pair<Effect, std::string_view>, 8> names{
      {{Effect::not_injected, "not_injected"},
       {Effect::not_activated, "not_activated"},
       {Effect::masked, "masked"},
       {Effect::tolerable, "tolerable"},
       {Effect::sdc, "sdc"},
       {Effect::hang, "hang"},
       {Effect::crash, "crash"},
       {Effect::sim_error, "sim_error"}}};
};
template <>
struct EnumNames<Verdict> {
  static constexpr std::array<std::pair<Verdict, std::string_view>, 6> names{
      {{Verdict::detected, "detected"},
       {Verdict::undetected, "undetected"},
       {Verdict::safe_detected, "safe_detected"},
       {Verdict::benign, "benign"},
       {Verdict::spurious_alarm, "spurious_alarm"},
       {Verdict::not_applicable, "not_applicable"}}};
};
template <>
struct EnumNames<Detection> {
  static constexpr std::array<std::pair<Detection, std::string_view>, 3> names{
      {{Detection::none, "none"},
       {Detection::before_commit, "before_commit"},
       {Detection::after_commit, "after_commit"}}};
};

/// How RunResult::output is laid out.
struct OutputLayout {
  std::uint32_t tokens_q = 0;  ///< rows of a head
  std::uint32_t head_dim = 0;
  Format format = Format::bfloat16;
  bool gemm = false;  ///< the output of a plain product, m × n: no heads, no key tiles
};

OutputDifference compare_outputs(const RunResult& golden, const RunResult& run,
                                 const OutputLayout& layout);

/// Cycle at which memory accepted the first word that differs from the golden output;
/// kNever without one.
std::uint64_t first_bad_commit(const RunResult& golden, const RunResult& run,
                               const OutputLayout& layout);
/// By cycle: how many such words it accepted in that cycle.
std::map<std::uint64_t, std::uint64_t> bad_commits(const RunResult& golden, const RunResult& run,
                                                   const OutputLayout& layout);

/// An output error counts as harmful beyond `tolerance`, and always when a value became NaN or
/// infinite.
inline bool beyond(double row_error, bool nonfinite, double tolerance) {
  return nonfinite || row_error > tolerance;
}

Effect judge_effect(const Measurement& measurement, std::uint64_t fault_cycle, double tolerance);
/// sdc, hang and crash.
bool dangerous(Effect effect);

/// Whose state the faulty register is, as one checker sees it.
enum class FaultOwner : std::uint8_t { datapath, this_checker, other_checker };
/// "checksum.<name>…" and "line.alarm.<name>" belong to one checker, other safety mechanism state
/// (observation links) to all.
FaultOwner owner_of(const RegisterClass& cls, const std::string& checker);
Verdict judge(FaultOwner owner, Effect effect, bool alarm);
/// kNever stands for no alarm and for no wrong word.
Detection detection(std::uint64_t alarm_cycle, std::uint64_t first_bad_commit_cycle);

/// The golden run's counterpart of each check of a run: the n-th of a comparison belongs to the
/// n-th. Comparisons keep no order among each other: a late tile shifts them.
class CheckPairs {
 public:
  CheckPairs(const std::vector<Check>& golden, std::size_t comparisons)
      : golden_(golden), next_(comparisons) {}
  /// Of the run's checks one after the other; null if the golden run made no such check.
  const Check* next(const Check& check);

 private:
  const std::vector<Check>& golden_;
  std::vector<std::size_t> next_;
};

/// One per comparison.
std::vector<RatioMax> largest_ratios(const CheckerResult& golden, const CheckerResult& run,
                                     std::size_t comparisons);

/// Every check that alarmed was not finite: the alarm exists only because of the rule for NaN and
/// infinity.
bool alarm_is_nonfinite(const CheckerResult& run);

/// Whether two checks compared the same bits.
bool same_inputs(const Check& a, const Check& b);

}  // namespace attnguard
