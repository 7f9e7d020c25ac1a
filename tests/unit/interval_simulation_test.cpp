// How often the intervals hold the truth, in simulated campaigns.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <vector>

#include "src/campaign/faults/random_stream.h"
#include "src/campaign/figures/paired_difference.h"
#include "src/campaign/figures/statistics.h"

namespace attnguard {
namespace {

// A stratum of a simulated campaign: its share of the population, and what its faults do. Checker b
// detects a share of the dangerous faults that a detects, and another of those it misses.
struct TrueStratum {
  double share, dangerous, coverage;
  double b_with_a, b_without_a;
};

struct Scenario {
  const char* name;
  std::vector<TrueStratum> strata;
  std::uint64_t draws_each;

  double truth(const std::function<double(const TrueStratum&)>& detected) const {
    double sum = 0, dangerous = 0;
    for (const TrueStratum& s : strata) {
      dangerous += s.share * s.dangerous;
      sum += s.share * s.dangerous * detected(s);
    }
    return sum / dangerous;
  }
};

const std::vector<Scenario> kScenarios{
    {"one heavy stratum that is covered badly, several light ones that are covered well",
     {{0.90, 0.05, 0.20, 0.9, 0.3},
      {0.05, 0.5, 0.99, 0.5, 0.5},
      {0.03, 0.5, 0.99, 0.2, 0.5},
      {0.02, 0.8, 1.0, 0.9, 0}},
     100},
    {"weights over four decades",
     {{0.9, 0.3, 0.95, 0.99, 0.5},
      {0.09, 0.3, 0.6, 0.9, 0.1},
      {0.009, 0.3, 0.3, 0.5, 0.1},
      {0.0009, 0.9, 0.1, 0, 0.9}},
     200},
    {"rare misses",
     {{0.5, 0.4, 0.995, 0.995, 0.9}, {0.3, 0.1, 0.999, 1.0, 0.5}, {0.2, 0.9, 0.98, 0.99, 0.2}},
     150},
};

// The draws of a campaign so far.
class Draws {
 public:
  Draws(const Scenario& scenario, std::uint64_t seed, std::uint64_t campaign)
      : scenario_(scenario), random_(seed, 0, campaign), pairs_(scenario.strata.size()) {}

  void add(std::uint64_t each) {
    each_ += each;
    for (std::size_t h = 0; h < pairs_.size(); ++h) {
      const TrueStratum& s = scenario_.strata[h];
      for (std::uint64_t i = 0; i < each; ++i) {
        if (!happens(s.dangerous)) continue;
        const bool a = happens(s.coverage), b = happens(a ? s.b_with_a : s.b_without_a);
        ++(a ? b ? pairs_[h].both : pairs_[h].only_a : b ? pairs_[h].only_b : pairs_[h].neither);
      }
      pairs_[h].weight = s.share / static_cast<double>(each_);
    }
  }
  const std::vector<PairedCounts>& pairs() const { return pairs_; }
  std::vector<WeightedCounts> of_a() const {
    std::vector<WeightedCounts> counts;
    for (const PairedCounts& p : pairs_)
      counts.push_back({p.weight, p.both + p.only_a, p.only_b + p.neither});
    return counts;
  }

 private:
  bool happens(double probability) {
    return static_cast<double>(random_.below(1ULL << 53)) < probability * 0x1p53;
  }

  const Scenario& scenario_;
  RandomStream random_;
  std::vector<PairedCounts> pairs_;
  std::uint64_t each_ = 0;
};

using FinalInterval = std::function<std::optional<Interval>(Draws&)>;

// Share of simulated campaigns whose nominal 95 % interval holds the truth.
double held(const Scenario& scenario, double truth, std::uint64_t campaigns,
            const FinalInterval& final_interval) {
  std::uint64_t held = 0;
  for (std::uint64_t campaign = 0; campaign < campaigns; ++campaign) {
    Draws draws(scenario, static_cast<std::uint64_t>(&scenario - kScenarios.data()) + 1, campaign);
    const auto interval = final_interval(draws);
    if (!interval || (interval->low <= truth && truth <= interval->high)) ++held;
  }
  return static_cast<double>(held) / static_cast<double>(campaigns);
}

void expect_total_holds(std::uint64_t campaigns) {
  for (const Scenario& scenario : kScenarios) {
    const double truth = scenario.truth([](const TrueStratum& s) { return s.coverage; });
    const double share = held(scenario, truth, campaigns, [&](Draws& draws) {
      draws.add(scenario.draws_each);
      return std::optional(fay_feuer(draws.of_a(), 0.95));
    });
    EXPECT_GE(share, 0.94) << scenario.name;
    std::printf("total, %s: %.4f\n", scenario.name, share);
  }
}

// Looks at once, twice, four, … 32 times the draws; the interval where the rule ended the campaign.
void expect_stop_rule_holds(std::uint64_t campaigns) {
  for (const Scenario& scenario : kScenarios)
    for (const double half_width : {0.1, 0.05, 0.02, 0.01}) {
      const double truth = scenario.truth([](const TrueStratum& s) { return s.coverage; });
      std::uint64_t looks = 0;
      const double share = held(scenario, truth, campaigns, [&](Draws& draws) {
        Interval interval;
        std::uint64_t drawn = 0;
        for (std::uint64_t look = 1; look <= 32; look *= 2) {
          draws.add(look * scenario.draws_each - drawn);
          drawn = look * scenario.draws_each;
          ++looks;
          interval = fay_feuer(draws.of_a(), 0.95);
          if (narrow_enough(interval, half_width)) break;
        }
        return std::optional(interval);
      });
      EXPECT_GE(share, 0.94) << scenario.name << ", " << half_width;
      std::printf("stop at %.2f, %s: %.4f after %.1f looks\n", half_width, scenario.name, share,
                  static_cast<double>(looks) / static_cast<double>(campaigns));
    }
}

void expect_paired_holds(std::uint64_t campaigns) {
  for (const Scenario& scenario : kScenarios) {
    const double truth = scenario.truth([](const TrueStratum& s) {
      return s.coverage * (1 - s.b_with_a) - (1 - s.coverage) * s.b_without_a;
    });
    std::uint64_t normal = 0;
    const double share = held(scenario, truth, campaigns, [&](Draws& draws) {
      draws.add(scenario.draws_each);
      const auto d = paired_difference(draws.pairs(), 0.95);
      if (!d) return std::optional<Interval>();
      normal += std::abs(d->difference - truth) <= 1.959964 * d->standard_error;
      return std::optional(d->interval);
    });
    EXPECT_GE(share, 0.94) << scenario.name;
    std::printf("paired, %s: %.4f (normal interval: %.4f)\n", scenario.name, share,
                static_cast<double>(normal) / static_cast<double>(campaigns));
  }
}

TEST(SimulatedCampaigns, HoldTheTotalInAtLeast94Percent) { expect_total_holds(4000); }
TEST(SimulatedCampaigns, HoldTheTotalWhereTheStopRuleEndsThem) { expect_stop_rule_holds(2000); }
TEST(SimulatedCampaigns, HoldTheDifferenceOfTwoCheckers) { expect_paired_holds(4000); }

TEST(SimulatedCampaignsLong, HoldTheTotalInAtLeast94Percent) { expect_total_holds(200'000); }
TEST(SimulatedCampaignsLong, HoldTheTotalWhereTheStopRuleEndsThem) {
  expect_stop_rule_holds(40'000);
}
TEST(SimulatedCampaignsLong, HoldTheDifferenceOfTwoCheckers) { expect_paired_holds(200'000); }

}  // namespace
}  // namespace attnguard
