// The differential engine of a campaign.
#pragma once

#include <cstdint>
#include <memory>

#include "src/campaign/differential/differential_engine.h"
#include "src/campaign/session.h"

namespace attnguard {

/// Both arguments must outlive the engine. `memory_bytes`: for the golden state of one group.
std::unique_ptr<DifferentialEngine> make_engine(const Prepared& prepared,
                                                const CampaignSession& session,
                                                std::uint64_t memory_bytes);

}  // namespace attnguard
