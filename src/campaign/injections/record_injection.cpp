#include "src/campaign/injections/record_injection.h"

#include <fmt/format.h>

namespace attnguard {
namespace {

std::vector<FaultMark> marks_of(const FaultUniverse& universe, const std::vector<Fault>& faults) {
  std::vector<FaultMark> marks;
  for (const Fault& fault : faults)
    marks.push_back({fmt::format("{} bit {} {}", universe.name(fault.site), fault.bit,
                                 enum_name(fault.how.model)),
                     fault.cycle});
  return marks;
}

}  // namespace

std::vector<RecordedRun> record_injection(CampaignSession& session, const Injection& injection,
                                          bool recovering) {
  const CampaignContext& context = session.context();
  const std::vector<Fault> faults = injection.all();
  std::vector<RecordedRun> runs;
  const auto record = [&](const char* name, auto simulate) -> RecordedRun& {
    RecordedRun& run = runs.emplace_back();
    run.name = name;
    Timeline timeline;
    session.simulation().record(&timeline);
    run.result = simulate();
    session.simulation().record(nullptr);
    run.timeline = std::move(timeline);
    return run;
  };
  record("golden", [&] { return session.simulation().run(); });
  const auto record_faulty = [&](const char* name, auto simulate) {
    RecordedRun& run = record(name, simulate);
    run.faults = marks_of(context.universe, faults);
    run.bad_commits = bad_commits(context.golden, run.result, context.layout);
  };
  record_faulty("faulty", [&] { return session.simulate()(faults, context.watchdog_cycles()); });
  if (recovering)
    record_faulty("recovering", [&] {
      return context.recovery->simulate(
          faults, recovery_watchdog_cycles(context.golden.cycles, context.recovery->config));
    });
  return runs;
}

}  // namespace attnguard
