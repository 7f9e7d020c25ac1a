#include "src/campaign/differential/make_engine.h"

#include "src/campaign/injections/measure.h"

namespace attnguard {

std::unique_ptr<DifferentialEngine> make_engine(const Prepared& prepared,
                                                const CampaignSession& session,
                                                std::uint64_t memory_bytes) {
  const Config& config = prepared.config;
  const AttentionJob* attention = prepared.attention();
  if (config.campaign.engine != Engine::differential || attention == nullptr) return nullptr;
  const Simulation& simulation = session.simulation();
  const auto foresee = [&session](const Fault& fault, Measurement* measurement) {
    const auto foreseen = session.simulation().foresee(fault);
    if (foreseen && measurement != nullptr)
      *measurement = measure(session.context(), session.simulation().foreseen_run(*foreseen));
    return foreseen.has_value();
  };
  const GoldenJob job{config.accelerator,
                      config.checkers,
                      *attention,
                      JobLayout(config.accelerator, attention->shape),
                      simulation.universe(),
                      simulation.bursts(),
                      session.golden(),
                      foresee};
  return std::make_unique<DifferentialEngine>(job, simulation.live_blocks(), memory_bytes);
}

}  // namespace attnguard
