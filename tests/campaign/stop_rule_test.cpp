// A campaign that may end early is, wherever it ends, a campaign of that size.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "src/simulation/errors.h"
#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

CampaignConfig looking(double half_width) {
  CampaignConfig config;
  config.injections = 3000;
  config.stop = StopConfig{"a", half_width, {300, 700, 1500}};
  return config;
}

struct Ended {
  std::string injections, coverage, strata, pairs, sizes;
  std::vector<Look> looks;
  bool met;
  std::uint64_t size, audited;
  bool operator==(const Ended& other) const {
    return injections == other.injections && coverage == other.coverage && strata == other.strata &&
           pairs == other.pairs && sizes == other.sizes && size == other.size &&
           looks.size() == other.looks.size();
  }
};

Ended run(const CampaignConfig& config, std::uint32_t workers, bool differential,
          const std::filesystem::path& chunks = ScratchFolder().path(),
          std::function<bool()> interrupted = nullptr) {
  std::filesystem::create_directories(chunks);
  ScriptedCampaign campaign(config);
  const CampaignContext context = campaign.context();
  ScriptedEngine engine(campaign);
  const ChunkStore store(chunks, "scripted", RecordCodec(context));
  ConductOptions options;
  options.workers = workers;
  options.interrupted = std::move(interrupted);
  const Conducted conducted =
      conduct(campaign.plan, context, campaign.config,
              {campaign.simulate(), differential ? &engine : nullptr}, store, options);
  const ScratchFolder results;
  write_rows(results.path() / "injections.csv", context, conducted.archive, workers);
  return {read_text(results.path() / "injections.csv"),
          coverage_csv(conducted.tally.class_rows(), "site_class", 0.95),
          coverage_csv(conducted.tally.stratum_rows(), "stratum", 0.95),
          conducted.pairs.csv(),
          conducted.error_sizes.csv(),
          conducted.looks,
          conducted.met,
          campaign.plan.size(),
          conducted.audit.injections};
}

CampaignConfig plain(std::uint64_t injections) {
  CampaignConfig config;
  config.injections = injections;
  return config;
}

double half_width(const Look& look) {
  return (look.coverage.interval->high - look.coverage.interval->low) / 2;
}

TEST(StopRule, EndsAtTheFirstLookWhereTheIntervalIsNarrowEnough) {
  const Ended all = run(looking(1e-6), 2, true);
  ASSERT_EQ(all.looks.size(), 4U);
  EXPECT_FALSE(all.met);
  EXPECT_EQ(all.size, 3000U);
  EXPECT_EQ(all.looks.back().injections, 3000U);
  for (std::size_t look = 0; look < 3; ++look) {
    ASSERT_GT(half_width(all.looks[look]), half_width(all.looks[look + 1]));
    const Ended ended = run(looking(half_width(all.looks[look])), 2, true);
    EXPECT_TRUE(ended.met);
    EXPECT_EQ(ended.looks.size(), look + 1);
    EXPECT_EQ(ended.size, ended.looks.back().injections);
    EXPECT_EQ(ended.looks.back().coverage.coverage, all.looks[look].coverage.coverage);
    EXPECT_EQ(std::count(ended.injections.begin(), ended.injections.end(), '\n'),
              static_cast<std::ptrdiff_t>(ended.size) + 1);
  }
}

TEST(StopRule, LeavesTheFiguresOfACampaignOfThatSize) {
  const double width = half_width(run(looking(1e-6), 2, true).looks[1]);
  const Ended ended = run(looking(width), 2, true);
  ASSERT_EQ(ended.size, 700U);
  const Ended whole = run(plain(700), 2, true);
  EXPECT_EQ(ended.coverage, whole.coverage);
  EXPECT_EQ(ended.strata, whole.strata);
  EXPECT_EQ(ended.pairs, whole.pairs);
  EXPECT_EQ(ended.sizes, whole.sizes);
  EXPECT_EQ(ended.audited, whole.audited);
  // The same faults, too, in another order. (The number is the first field.)
  const auto sorted_rows = [](const std::string& csv) {
    std::vector<std::string> rows;
    for (std::size_t at = 0, end = 0; (end = csv.find('\n', at)) != std::string::npos; at = end + 1)
      rows.push_back(csv.substr(csv.find(',', at), end - csv.find(',', at)));
    std::sort(rows.begin(), rows.end());
    return rows;
  };
  EXPECT_EQ(sorted_rows(ended.injections), sorted_rows(whole.injections));
}

TEST(StopRule, DoesNotDependOnWorkersEngineOrInterruption) {
  const double width = half_width(run(looking(1e-6), 2, true).looks[2]);
  const Ended expected = run(looking(width), 2, true);
  ASSERT_EQ(expected.size, 1500U);
  EXPECT_EQ(run(looking(width), 1, false), expected);
  EXPECT_EQ(run(looking(width), 3, false), expected);
  for (const int calls : {1, 3, 6, 12}) {
    const ScratchFolder chunks;
    int left = calls;
    bool interrupted = false;
    while (true) {
      try {
        const Ended resumed =
            run(looking(width), 2, true, chunks.path(), [&] { return left-- == 0; });
        EXPECT_EQ(resumed, expected);
        break;
      } catch (const Interrupted&) {
        interrupted = true;
      }
    }
    EXPECT_TRUE(interrupted) << calls;
  }
}

TEST(StopRule, NumbersInjectionsAlikeWhereverItEnds) {
  ScriptedCampaign campaign(looking(0.1));
  CampaignPlan& plan = campaign.plan;
  ASSERT_EQ(plan.looks(), (std::vector<std::uint64_t>{300, 700, 1500, 3000}));
  const auto cell_of = [&](std::uint64_t number) {
    const Injection injection = plan.injection(number);
    return std::tuple{injection.stratum, injection.fault.site.reg, injection.fault.site.index,
                      injection.fault.bit, injection.fault.cycle};
  };
  std::vector<decltype(cell_of(0))> cells;
  for (std::uint64_t number = 0; number < plan.size(); ++number) cells.push_back(cell_of(number));
  for (std::size_t look = 0; look < plan.looks().size(); ++look) {
    plan.cut(look);
    ASSERT_EQ(plan.size(), plan.looks()[look]);
    std::map<std::uint32_t, std::uint64_t> draws;
    for (std::uint64_t number = 0; number < plan.size(); ++number) {
      ASSERT_EQ(cell_of(number), cells[number]);
      ++draws[plan.injection(number).stratum];
    }
    const ScriptedCampaign same_size(plain(plan.size()));
    for (std::uint32_t h = 0; h < plan.strata().size(); ++h) {
      EXPECT_EQ(plan.strata()[h].draws, draws[h]);
      EXPECT_EQ(plan.strata()[h].draws, same_size.plan.strata()[h].draws);
      EXPECT_EQ(plan.strata()[h].weight, same_size.plan.strata()[h].weight);
    }
  }
}

// Groups of a mix share every look as they share a campaign of that size.
TEST(StopRule, KeepsTheSharesOfAMix) {
  CampaignConfig config = looking(0.1);
  config.models.resize(3);
  config.models[0].weight = 5;
  config.models[1].kind = FaultModel::stuck_at_1;
  config.models[1].weight = 2;
  config.models[2].kind = FaultModel::intermittent;
  config.models[2].parameters.value = 1;
  config.models[2].parameters.period_cycles = 8;
  config.models[2].parameters.duty_cycles = 2;
  ScriptedCampaign campaign(config);
  for (std::size_t look = 0; look < 4; ++look) {
    campaign.plan.cut(look);
    CampaignConfig same = config;
    same.stop.reset();
    same.injections = campaign.plan.size();
    const ScriptedCampaign whole(same);
    std::uint64_t drawn = 0;
    for (std::size_t h = 0; h < whole.plan.strata().size(); ++h) {
      EXPECT_EQ(campaign.plan.strata()[h].draws, whole.plan.strata()[h].draws);
      EXPECT_EQ(campaign.plan.strata()[h].weight, whole.plan.strata()[h].weight);
      drawn += whole.plan.strata()[h].draws;
    }
    EXPECT_EQ(drawn, campaign.plan.size());
  }
}

}  // namespace
}  // namespace attnguard
