// Configuration of a fault campaign: which faults, how many, and how the results are judged.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/fabric/field.h"
#include "src/campaign/faults/fault_config.h"

namespace attnguard {

/// differential: from the golden state, only what a fault changes; full: every injection is a
/// complete SystemC run.
enum class Engine : std::uint8_t { differential, full };
enum class Sampling : std::uint8_t { stratified, uniform, exhaustive };
/// Interval of a proportion whose draws weigh the same; weighted estimates always use Fay–Feuer
/// limits.
enum class IntervalMethod : std::uint8_t { wilson, clopper_pearson };

template <>
struct EnumNames<Engine> {
  static constexpr std::array<std::pair<Engine, std::string_view>, 2> names{
      {{Engine::differential, "differential"}, {Engine::full, "full"}}};
};
template <>
struct EnumNames<Sampling> {
  static constexpr std::array<std::pair<Sampling, std::string_view>, 3> names{
      {{Sampling::stratified, "stratified"},
       {Sampling::uniform, "uniform"},
       {Sampling::exhaustive, "exhaustive"}}};
};
template <>
struct EnumNames<IntervalMethod> {
  static constexpr std::array<std::pair<IntervalMethod, std::string_view>, 2> names{
      {{IntervalMethod::wilson, "wilson"}, {IntervalMethod::clopper_pearson, "clopper_pearson"}}};
};

struct ToleranceConfig {
  double relative = 0.01;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"relative",
                "largest harmless error: max over rows of max|o - golden| / max|golden|", 0.0,
                1e30},
      self.relative);
  }
};

/// When a campaign may end before its last injection.
struct StopConfig {
  std::string checker;
  double half_width = 0.01;
  std::vector<std::uint64_t> looks;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"checker", "whose `total` coverage is looked at", 0, 0, true}, self.checker);
    v(FieldSpec{"half_width", "the campaign ends at a look where half the interval is this or less",
                1e-6, 0.5, true},
      self.half_width);
    v(FieldSpec{"looks", "counts of injections at which to look, ascending, below `injections`", 1,
                1e9, true},
      self.looks);
  }
};

/// What a failure mode and effects analysis asks beyond coverage.
struct SafetyConfig {
  std::optional<double> logic_fit_per_mbit{}, sram_fit_per_mbit{};
  std::optional<std::string> detection_budget{};

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"logic_fit_per_mbit",
                "raw rate of transient faults of registers, links and lines: failures in 1e9 hours "
                "per 1e6 bits",
                0.0, 1e12},
      self.logic_fit_per_mbit);
    v(FieldSpec{"sram_fit_per_mbit", "the same of SRAM", 0.0, 1e12}, self.sram_fit_per_mbit);
    v(FieldSpec{"detection_budget",
                "time from fault to alarm that counts as detected in time, with its unit: cycles, "
                "ns, us, ms or s"},
      self.detection_budget);
  }
};

struct CampaignConfig {
  std::uint64_t injections = 20000;
  std::vector<TriggerConfig> faults;
  std::optional<std::string> fault_list;
  std::string list_file;  ///< no key: the fault list as named in messages, if `faults` came from it
  std::vector<std::vector<std::uint64_t>> list_lines;  ///< no key: line of every fault of a run
  Engine engine = Engine::differential;
  std::vector<std::string> sites{"*"};
  Sampling sampling = Sampling::stratified;
  std::vector<FaultModelConfig> models{FaultModelConfig{}};
  ToleranceConfig tolerance;
  double confidence = 0.95;
  IntervalMethod interval = IntervalMethod::wilson;
  double safety_mechanism_share = 0.1;
  std::optional<StopConfig> stop;
  std::optional<SafetyConfig> safety;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"injections", "draws; unused with `faults` and with exhaustive sampling", 1, 1e9},
      self.injections);
    v(FieldSpec{"faults", "exact faults; a list that is not empty replaces sampling"}, self.faults);
    v(FieldSpec{"fault_list",
                "CSV file of exact faults in place of `faults`, relative to the configuration"},
      self.fault_list);
    v(FieldSpec{"engine",
                "how an injection is resolved; differential: only what the fault changes; full: a "
                "complete SystemC run"},
      self.engine);
    v(
        FieldSpec{
            "sites",
            "globs; a site is in the campaign if one matches; the sequencer's state only by a glob "
            "that names it, as sequencer.*"},
        self.sites);
    v(FieldSpec{"sampling",
                "stratified: equal draws per site class and bit field; uniform over live bits × "
                "cycles; exhaustive: every site, bit and cycle (bit_flip), or every site and bit "
                "(stuck_at_0, stuck_at_1)"},
      self.sampling);
    v(FieldSpec{"models", "the fault mix: what is drawn where sites are sampled"}, self.models);
    v(FieldSpec{"tolerance", "which output errors are harmless"}, self.tolerance);
    v(FieldSpec{"confidence", "confidence level of every interval", 0.5, 0.9999}, self.confidence);
    v(FieldSpec{"interval", "interval of an unweighted proportion"}, self.interval);
    v(FieldSpec{"safety_mechanism_share",
                "share of the injections drawn in the checkers' own state when both domains are "
                "selected",
                0.0, 0.9},
      self.safety_mechanism_share);
    v(FieldSpec{"stop", "when to end before `injections`"}, self.stop);
    v(FieldSpec{"safety", "adds fmeda.csv"}, self.safety);
  }
};

}  // namespace attnguard
