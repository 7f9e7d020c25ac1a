#include "src/campaign/injector.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "src/campaign/worker_pool.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

constexpr std::uint64_t kAuditInterval = 1000;

// Chunks large enough that handing them out costs nothing, small enough that workers finish
// together.
std::uint64_t chunk_size(std::uint64_t injections, std::uint32_t workers) {
  return std::clamp<std::uint64_t>(injections / (std::uint64_t{workers} * 8), 1, 64);
}

void require_injected(const CampaignContext& context, const Injection& injection,
                      const InjectionRecord& record) {
  if (record.effect != Effect::not_injected || context.plan.listed()) return;
  throw ModelError(fmt::format("injection {}: the run ended before the sampled cycle {}",
                               injection.number, injection.fault.cycle));
}

}  // namespace

InjectionRecord inject(const CampaignContext& context, const Simulate& simulate,
                       std::uint64_t number) {
  const Injection injection = context.plan.injection(number);
  return make_record(context, injection, simulate(injection.fault, context.watchdog_cycles()));
}

std::uint64_t inject_all(const CampaignContext& context, const Simulate& simulate,
                         std::uint32_t workers,
                         const std::function<void(const Injection&, const InjectionRecord&)>& done,
                         const Simulate& audit) {
  const std::uint64_t injections = context.plan.size();
  const auto resolve = [&](std::uint64_t number) {
    return WorkResult{inject(context, simulate, number).to_bytes(), false};
  };
  std::map<std::uint64_t, std::string> audited;
  run_in_workers({workers, chunk_size(injections, workers)}, injections, "injection", resolve,
                 [&](std::uint64_t number, const std::string& bytes) {
                   if (number % kAuditInterval == 0) audited[number] = bytes;
                   const InjectionRecord record = InjectionRecord::from_bytes(bytes);
                   const Injection injection = context.plan.injection(number);
                   require_injected(context, injection, record);
                   done(injection, record);
                 });

  const auto repeat = [&](std::uint64_t index) {
    return WorkResult{inject(context, audit ? audit : simulate, index * kAuditInterval).to_bytes(),
                      true};
  };
  run_in_workers(
      {workers, 1}, audited.size(), "audit of injection 1000 ×", repeat,
      [&](std::uint64_t index, const std::string& bytes) {
        const std::string& first = audited.at(index * kAuditInterval);
        if (bytes == first) return;
        throw AuditError(fmt::format("injection {} gave another row when repeated:\n  {}  {}",
                                     index * kAuditInterval, InjectionRecord::from_bytes(first).row,
                                     InjectionRecord::from_bytes(bytes).row));
      });
  return audited.size();
}

}  // namespace attnguard
