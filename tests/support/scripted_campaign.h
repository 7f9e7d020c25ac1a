// A campaign on toy hardware whose runs are scripted: what a fault does is a formula of site, bit
// and cycle.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "src/campaign/conduct.h"
#include "src/campaign/figures/result_files.h"
#include "src/campaign/injections/measure.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/toy_hardware.h"

namespace attnguard {

/// 1 head, 2 query rows of 4 values, stored as bfloat16 in slices of 2; checkers a (one comparison)
/// and b (two).
class ScriptedCampaign {
 public:
  explicit ScriptedCampaign(CampaignConfig configuration)
      : toy(toy_hardware()),
        config(std::move(configuration)),
        plan(config, 1, toy.origin, toy.universe, toy.blocks, toy.cycles) {
    golden.cycles = toy.cycles;
    golden.output = {0x3f80, 0x4000, 0xbf80, 0, 0, 0, 0, 0};  // 1, 2, −1, 0; a zero row
    golden.commits = {{0, 0, 2, 0, 4, 50, 4, 1, 2}};
    golden.checkers.resize(2);
    golden.checkers[0].checks = {check(0, 40, 1e-7, 1.0), check(0, 44, 2e-7, 1.0)};
    golden.checkers[1].checks = {check(0, 20, 1e-7, 2.0), check(1, 45, 3e-7, 1.0)};
  }
  ScriptedCampaign(const ScriptedCampaign&) = delete;
  ScriptedCampaign& operator=(const ScriptedCampaign&) = delete;

  static Check check(std::uint32_t comparison, std::uint64_t cycle, double residual, double scale) {
    Check c;
    c.comparison = comparison;
    c.cycle = cycle;
    c.lhs = 1 + residual;
    c.rhs = 1;
    c.residual = residual;
    c.scale = scale;
    c.threshold = 1e-5 * scale;
    return c;
  }

  /// High bits corrupt the output (the higher the bit, the larger the error), even instances are
  /// seen by a.
  RunResult simulate(const Fault& fault) const {
    RunResult run = golden;
    run.fault = {true,
                 fault.cycle + 1,
                 0x1234,
                 0x1234U ^ Fault{{}, fault.bit % 64, fault.bits_flipped}.mask(),
                 {0, 1, -1}};
    const RegisterClass& cls = toy.universe[fault.site.reg];
    if (cls.kind == StorageKind::line) {
      run.completion = fault.cycle % 2 == 0 ? Completion::hang : Completion::finished;
      return run;
    }
    if (fault.bit >= 8 && cls.domain == Domain::function) run.output[1] ^= 1U << (fault.bit % 7);
    if (fault.site.index % 2 == 0) raise(run.checkers[0], 1, fault.cycle + 3 + fault.bit);
    return run;
  }

  static void raise(CheckerResult& checker, std::size_t position, std::uint64_t cycle) {
    Check& c = checker.checks[position];
    c.lhs += 1;
    c.residual = 1;
    c.alarm = true;
    checker.alarm_cycle = cycle;
  }

  Simulate simulate() const {
    return [this](const std::vector<Fault>& faults, std::uint64_t) {
      return simulate(faults.front());
    };
  }
  /// What injection `number` does.
  Record record(std::uint64_t number) const {
    const Injection injection = plan.injection(number);
    return {injection, measure_fully(context(), simulate(), injection)};
  }

  CampaignContext context() const {
    return {toy.universe,
            plan,
            golden,
            {"a", "b"},
            {{"output"}, {"score", "output"}},
            {2, 4, Format::bfloat16},
            config.tolerance.relative};
  }

  ToyHardware toy;
  CampaignConfig config;
  CampaignPlan plan;
  RunResult golden;
};

/// Two groups by the parity of the instance; lines need complete runs. Measures what the runs of
/// the campaign would, unless `before` and `after` meddle with it.
class ScriptedEngine : public InjectionEngine {
 public:
  explicit ScriptedEngine(const ScriptedCampaign& campaign) : campaign_(campaign) {}

  std::uint32_t groups() const override { return 2; }
  Assignment assign(const Injection& injection) const override {
    const Site site = injection.fault.site;
    if (campaign_.toy.universe[site.reg].kind == StorageKind::line) return {true, 0, 0};
    return {false, site.index % 2, injection.fault.bit % 3};
  }
  void load(std::uint32_t group) override {
    loaded_ = group;
    ++loads;
  }
  void measure(const Injection& injection, Measurement& measurement) override {
    if (assign(injection).full || assign(injection).group != loaded_)
      throw std::logic_error("an injection of another group");
    if (before) before(injection);
    measurement = attnguard::measure(context_, campaign_.simulate(injection.fault));
    if (after) after(injection, measurement);
  }

  std::function<void(const Injection&)> before;
  std::function<void(const Injection&, Measurement&)> after;
  int loads = 0;

 private:
  const ScriptedCampaign& campaign_;
  const CampaignContext context_ = campaign_.context();
  std::uint32_t loaded_ = ~0U;
};

/// What a campaign with its chunks in `chunks` comes to.
struct ScriptedResult {
  std::string csv, coverage;
  AuditResult audit;
  FailedInjections failed;
  std::uint64_t full = 0, differential = 0;
};

inline ScriptedResult conduct_scripted(ScriptedCampaign& campaign, const Engines& engines,
                                       const ConductOptions& options,
                                       const std::filesystem::path& chunks) {
  const CampaignContext context = campaign.context();
  const ChunkStore store(chunks, "scripted", RecordCodec(context));
  const Conducted conducted =
      conduct(campaign.plan, context, campaign.config, engines, store, options);
  const ScratchFolder results;
  write_rows(results.path() / "injections.csv", context, conducted.archive, 2);
  return {read_text(results.path() / "injections.csv"),
          coverage_csv(conducted.tally.class_rows(), "site_class", 0.95),
          conducted.audit,
          conducted.failed,
          conducted.full,
          conducted.differential};
}

}  // namespace attnguard
