// Coverage against the rate of false alarms, for every threshold.
#pragma once

#include <string>

#include "src/report/campaign_results.h"
#include "src/report/golden_run.h"

namespace attnguard {

/// An empty table when no checker has a curve.
Figure roc_figure(const CampaignResults& campaign, const GoldenRun& golden,
                  const std::string& fault_class, const std::string& id);

}  // namespace attnguard
