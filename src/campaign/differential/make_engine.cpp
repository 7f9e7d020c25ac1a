#include "src/campaign/differential/make_engine.h"

namespace attnguard {

std::unique_ptr<DifferentialEngine> make_engine(const Prepared& prepared,
                                                const CampaignSession& session,
                                                std::uint64_t memory_bytes) {
  const Config& config = prepared.config;
  const Simulation& simulation = session.simulation();
  const GoldenJob job{config.accelerator,
                      config.checkers,
                      prepared.job,
                      JobLayout(config.accelerator, prepared.job.shape),
                      simulation.universe(),
                      simulation.bursts(),
                      session.golden()};
  return std::make_unique<DifferentialEngine>(job, simulation.live_blocks(), memory_bytes);
}

}  // namespace attnguard
