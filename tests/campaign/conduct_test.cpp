// A campaign's files depend on nothing but its plan, and trouble with one injection stays with it.
#include "src/campaign/conduct.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

#include "src/campaign/figures/row.h"
#include "src/simulation/errors.h"
#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

CampaignConfig sampled(std::uint64_t injections) {
  CampaignConfig config;
  config.injections = injections;
  return config;
}

class Conduct : public ::testing::Test {
 protected:
  explicit Conduct(std::uint64_t injections = 400) : campaign_(sampled(injections)) {}

  ScriptedResult by_full(std::uint32_t workers) {
    ConductOptions options;
    options.workers = workers;
    return conduct_scripted(campaign_, {campaign_.simulate(), nullptr}, options,
                            ScratchFolder().path());
  }
  ScriptedResult by_engine() { return by_engine(ScratchFolder().path()); }
  ScriptedResult by_engine(const std::filesystem::path& chunks) {
    return conduct_scripted(campaign_, {campaign_.simulate(), &engine_}, options_, chunks);
  }
  std::string row(std::uint64_t number) const {
    return RowWriter(context_).row(campaign_.record(number));
  }

  ScriptedCampaign campaign_;
  const CampaignContext context_ = campaign_.context();
  ScriptedEngine engine_{campaign_};
  ConductOptions options_{2, {}, {}, {}};
};

class LargerConduct : public Conduct {
 protected:
  LargerConduct() : Conduct(2500) {}
};

/// A file that tells how often the processes of a test came by.
class Counter {
 public:
  int add() const {
    std::ofstream(folder_.path() / "count", std::ios::app) << 'x' << std::flush;
    return count();
  }
  int count() const { return static_cast<int>(read_text(folder_.path() / "count").size()); }

 private:
  ScratchFolder folder_;
};

TEST_F(LargerConduct, GivesTheSameFilesForAnyWorkersAndEngine) {
  const ScriptedResult one = by_full(1), three = by_full(3), engine = by_engine();
  EXPECT_EQ(one.csv, three.csv);
  EXPECT_EQ(one.csv, engine.csv);
  EXPECT_EQ(one.coverage, three.coverage);
  EXPECT_EQ(one.coverage, engine.coverage);
  EXPECT_EQ(std::count(one.csv.begin(), one.csv.end(), '\n'), 2501);
  EXPECT_EQ(one.audit.injections, 3U);  // 0, 1000, 2000
  EXPECT_EQ(one.full, 2500U);
  EXPECT_EQ(one.differential, 0U);
  EXPECT_EQ(engine.full + engine.differential, 2500U);
  EXPECT_GT(engine.differential, engine.full);
  EXPECT_GT(engine.full, 0U);
  EXPECT_EQ(engine.audit.injections, 10U) << "two of each of five classes";
  EXPECT_TRUE(engine.audit.mismatches.empty());
  EXPECT_EQ(engine_.loads, 2);
}

TEST_F(Conduct, AuditsAsManyAsAsked) {
  options_.audit = 0;
  EXPECT_EQ(by_engine().audit.injections, 0U);
  options_.audit = 31;
  EXPECT_EQ(by_engine().audit.injections, 31U);
  options_.audit = 1000000;
  const ScriptedResult all = by_engine();
  EXPECT_EQ(all.audit.injections, all.differential);
}

TEST_F(Conduct, FindsTheOneInjectionThatTheEngineLiesAbout) {
  options_.audit = 1000000;
  engine_.after = [](const Injection& injection, Measurement& measurement) {
    if (injection.number == 7) ++measurement.fault.value_before;
  };
  const ScriptedResult result = by_engine();
  ASSERT_EQ(result.audit.mismatches.size(), 1U);
  const AuditMismatch& mismatch = result.audit.mismatches[0];
  EXPECT_EQ(mismatch.number, 7U);
  EXPECT_EQ(mismatch.repeated, row(7));
  EXPECT_NE(mismatch.row, row(7));
  EXPECT_THAT(result.csv, HasSubstr(mismatch.row)) << "results are kept";
  EXPECT_EQ(
      audit_csv(context_, result.audit, "differential"),
      "engine," + injections_header(context_) + "differential," + mismatch.row + "full," + row(7));
  try {
    require_no_mismatch(result.audit);
    FAIL() << "no audit error";
  } catch (const AuditError& error) {
    EXPECT_EQ(std::string(error.what()),
              "injection 7 gave another row when repeated:\n  " + mismatch.row + "  " + row(7) +
                  "1 of " + std::to_string(result.differential) + " repeated injections differ");
  }
}

TEST_F(Conduct, FailsTheAuditWhenACompleteRunDependsOnTheProcess) {
  const pid_t parent = ::getpid();
  const Simulate unsteady = [&](const std::vector<Fault>& faults, std::uint64_t) {
    const Fault& fault = faults.front();
    RunResult result = campaign_.simulate(fault);
    result.fault.value_before = static_cast<std::uint64_t>(::getpid() - parent) & 0xffff;
    return result;
  };
  const ScriptedResult result =
      conduct_scripted(campaign_, {unsteady, nullptr}, {1, {}, {}, {}}, ScratchFolder().path());
  ASSERT_EQ(result.audit.mismatches.size(), 1U);
  try {
    require_no_mismatch(result.audit);
    FAIL() << "no audit error";
  } catch (const AuditError& error) {
    EXPECT_THAT(error.what(), StartsWith("injection 0 gave another row when repeated:\n  0,"));
  }
}

TEST_F(Conduct, AnAuditWorkerThatDiesOnceChangesNothingAndTwiceIsAMismatch) {
  for (const int deaths : {1, 2}) {
    const Counter runs;
    const Simulate dies = [&](const std::vector<Fault>& faults, std::uint64_t) {
      const Fault& fault = faults.front();
      // Its first run resolves injection 0; after it the audit does.
      const Fault first = campaign_.plan.injection(0).fault;
      if (fault.site.reg == first.site.reg && fault.site.index == first.site.index &&
          fault.cycle == first.cycle && fault.bit == first.bit) {
        const int run = runs.add();
        if (run > 1 && run <= 1 + deaths) ::raise(SIGKILL);
      }
      return campaign_.simulate(fault);
    };
    const ScriptedResult result =
        conduct_scripted(campaign_, {dies, nullptr}, {1, {}, {}, {}}, ScratchFolder().path());
    ASSERT_EQ(result.audit.mismatches.size(), deaths == 1 ? 0U : 1U);
    for (const AuditMismatch& mismatch : result.audit.mismatches)
      EXPECT_EQ(mismatch.repeated, "the worker was ended by signal 9\r\n");
  }
}

TEST_F(Conduct, AWorkerThatDiesOnceChangesNothing) {
  const std::string csv = by_full(2).csv;
  const Counter deaths;
  engine_.before = [&](const Injection& injection) {
    if (injection.number == 7 && deaths.add() == 1) ::raise(SIGKILL);
  };
  const ScriptedResult result = by_engine();
  EXPECT_EQ(result.csv, csv);
  EXPECT_TRUE(result.failed.empty());
  EXPECT_EQ(deaths.count(), 2);
}

TEST_F(Conduct, TheInjectionOnWhichWorkersDieTwiceBecomesASimErrorAndTheRestGoesOn) {
  const std::string csv = by_full(2).csv;
  options_.audit = 1000000;
  engine_.before = [](const Injection& injection) {
    if (injection.number == 7 || injection.number == 11) ::raise(SIGKILL);
  };
  const ScriptedResult result = by_engine();
  EXPECT_EQ(result.failed, (FailedInjections{{7, "the worker was ended by signal 9"},
                                             {11, "the worker was ended by signal 9"}}));
  EXPECT_EQ(result.audit.injections, result.differential - 2) << "nothing to compare";
  EXPECT_TRUE(result.audit.mismatches.empty());
  std::istringstream expected(csv), lines(result.csv);
  std::string a, b;
  for (std::int64_t number = -1; std::getline(expected, a); ++number) {
    ASSERT_TRUE(std::getline(lines, b));
    if (number == 7 || number == 11)
      EXPECT_THAT(b, HasSubstr(",sim_error,,,,,,,not_applicable,"));
    else
      EXPECT_EQ(a, b);
  }
  try {
    require_none_failed(result.failed);
    FAIL() << "no error";
  } catch (const ModelError& error) {
    EXPECT_EQ(std::string(error.what()),
              "injection 7 failed twice: the worker was ended by signal 9\n"
              "  injection 11 failed twice: the worker was ended by signal 9");
  }
}

TEST_F(Conduct, ACompleteRunThatDiesTwiceBecomesASimErrorToo) {
  const Fault deadly = campaign_.plan.injection(7).fault;
  const Simulate dies = [&](const std::vector<Fault>& faults, std::uint64_t) {
    const Fault& fault = faults.front();
    if (fault.site.reg == deadly.site.reg && fault.cycle == deadly.cycle &&
        fault.bit == deadly.bit && fault.site.index == deadly.site.index)
      ::_exit(4);
    return campaign_.simulate(fault);
  };
  const ScriptedResult result =
      conduct_scripted(campaign_, {dies, nullptr}, options_, ScratchFolder().path());
  EXPECT_EQ(result.failed.at(7), "the worker ended with status 4");
  EXPECT_THAT(result.csv, HasSubstr(",sim_error,"));
}

TEST_F(Conduct, AMeasurementThatContradictsItselfIsASimErrorWithTheReason) {
  engine_.after = [](const Injection& injection, Measurement& measurement) {
    if (injection.number == 7) measurement.checkers[1].alarm_cycle = 0;
  };
  const ScriptedResult result = by_engine();
  ASSERT_EQ(result.failed.size(), 1U);
  EXPECT_THAT(result.failed.at(7), StartsWith("injection 7: checker b alarms at cycle 0, before"));
}

TEST_F(Conduct, GoesOnWhereItWasInterrupted) {
  const ScratchFolder chunks;
  std::uint64_t seen = 0;
  options_.progress = [&](const CampaignProgress& progress) { seen = progress.done; };
  options_.interrupted = [&] { return seen >= 100; };
  std::uint64_t kept = 0;
  try {
    by_engine(chunks.path());
    FAIL() << "not interrupted";
  } catch (const Interrupted& interrupted) {
    kept = interrupted.kept;
    EXPECT_EQ(interrupted.all, 400U);
  }
  EXPECT_GE(kept, 100U);
  EXPECT_LT(kept, 400U);

  const Counter measured;
  engine_.before = [&](const Injection&) { measured.add(); };
  options_.interrupted = {};
  options_.progress = [&](const CampaignProgress& progress) { seen = progress.kept; };
  const ScriptedResult result = by_engine(chunks.path());
  EXPECT_EQ(seen, kept);
  EXPECT_EQ(static_cast<std::uint64_t>(measured.count()), result.differential - kept);
  EXPECT_EQ(result.csv, by_full(2).csv);

  engine_.loads = 0;
  by_engine(chunks.path());
  EXPECT_EQ(engine_.loads, 0) << "nothing is loaded for chunks that are there";
}

TEST_F(Conduct, DoesATornChunkAgain) {
  const ScratchFolder chunks;
  const std::string csv = by_engine(chunks.path()).csv;
  const auto file = chunks.path() / "000001.chunk";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_EQ(by_engine(chunks.path()).csv, csv);
}

TEST_F(Conduct, RemembersAFailedInjectionWhenResumed) {
  const ScratchFolder chunks;
  engine_.before = [](const Injection& injection) {
    if (injection.number == 7) ::raise(SIGKILL);
  };
  by_engine(chunks.path());
  EXPECT_EQ(by_engine(chunks.path()).failed, (FailedInjections{{7, ""}}));
}

}  // namespace
}  // namespace attnguard
