// attnguard selftest passes here, and whatever differs it finds.
#include "src/selftest/selftest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "src/cli/selftest_command.h"
#include "tests/support/attnguard_command.h"

namespace attnguard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Of the default selftest with something else in it; what it says on standard error.
std::string said_of(const Selftest& selftest) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(report_selftest(selftest, true), kModelBug);
  return testing::internal::GetCapturedStderr();
}

TEST(Selftest, PassesAndNamesWhatAReportNeeds) {
  const CommandResult result = run_attnguard("selftest");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  for (const char* what :
       {"attnguard", "compiler", "SystemC", "Highway", "Boost", "OpenSSL", "processor", "system",
        "kernels on ", "products on ", "fault-free run", "cycle, full", "transaction, full",
        "cycle, differential", "transaction, differential", "2000 injections"})
    EXPECT_THAT(result.output, HasSubstr(what));
  EXPECT_THAT(result.output, ::testing::Not(HasSubstr("DIFFERS")));
}

// Another answer than the known one is what a miscompiled kernel looks like.
TEST(Selftest, FindsAnotherAnswerOnEverySimdTarget) {
  Selftest selftest = default_selftest();
  selftest.variants.resize(1);
  selftest.answers[1].expected ^= 1;
  const std::string said = said_of(selftest);
  EXPECT_THAT(said, AllOf(HasSubstr("attnguard: selftest: products on "), HasSubstr(" differs: 0x"),
                          HasSubstr("; must be 0x")));
  EXPECT_THAT(said, ::testing::Not(HasSubstr("kernels")));
  EXPECT_THAT(said, ::testing::Not(HasSubstr("fault-free")));
}

TEST(Selftest, FindsAnotherFaultFreeRun) {
  Selftest selftest = default_selftest();
  selftest.answers.clear();
  selftest.variants.resize(1);
  selftest.golden_cycles += 1;
  EXPECT_THAT(said_of(selftest), HasSubstr("selftest: fault-free run differs: "));
}

// Ways to run that do change results: other arithmetic, another schedule, other faults.
TEST(Selftest, FindsAWayToRunThatChangesTheResult) {
  Selftest selftest = default_selftest();
  selftest.answers.clear();
  selftest.variants.resize(1);
  selftest.variants.push_back({"other exp2", {"accelerator.softmax.exp2=piecewise_linear"}});
  selftest.variants.push_back({"slower memory", {"accelerator.external_memory.latency_cycles=77"}});
  selftest.variants.push_back({"other faults", {"campaign.models.0.bits=3"}});
  const std::string said = said_of(selftest);
  EXPECT_THAT(said, HasSubstr("other exp2 differs: fault-free run: "));
  EXPECT_THAT(said, HasSubstr("slower memory differs: fault-free run: "));
  EXPECT_THAT(
      said, HasSubstr("other faults differs: injections.csv line 3, bits_flipped: 3; must be 1\n"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 3) << said;
}

}  // namespace
}  // namespace attnguard
