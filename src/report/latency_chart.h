// How soon dangerous faults are detected: cumulative incidence per checker.
#pragma once

#include <string>

#include "src/report/campaign_results.h"

namespace attnguard {

/// Of latency.csv; an empty table when the campaign has no dangerous fault of the class.
Figure latency_figure(const CampaignResults& campaign, const std::string& fault_class,
                      const std::string& id);

}  // namespace attnguard
