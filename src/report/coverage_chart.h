// Coverage with its interval: one row per group, one mark per checker.
#pragma once

#include <string>
#include <vector>

#include "src/report/campaign_results.h"

namespace attnguard {

/// One mark of the chart.
struct CoveragePoint {
  std::string row, series;  ///< e.g. site class and checker
  Json coverage, ci_low, ci_high;
  std::string count;  ///< what it rests on, in words
};

/// Of row `i` of coverage.csv.
CoveragePoint coverage_point(const Records& coverage, std::size_t i, const std::string& row,
                             const std::string& series);

/// Rows and series in order of appearance.
Json coverage_spec(const std::vector<CoveragePoint>& points, const std::string& series_title);

/// Of the totals of a campaign, and of its site classes. `id` begins the figure's own.
Figure total_coverage(const CampaignResults& campaign, const std::string& fault_class,
                      const std::string& id);
Figure site_coverage(const CampaignResults& campaign, const std::string& fault_class,
                     const std::string& id);

}  // namespace attnguard
