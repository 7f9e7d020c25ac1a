#include "src/cli/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace attnguard {
namespace {

TEST(Progress, DurationsAreSecondsThenMinutesThenHours) {
  EXPECT_EQ(Progress::duration(0.4), "0 s");
  EXPECT_EQ(Progress::duration(59.4), "59 s");
  EXPECT_EQ(Progress::duration(59.5), "1:00");
  EXPECT_EQ(Progress::duration(725), "12:05");
  EXPECT_EQ(Progress::duration(3599.4), "59:59");
  EXPECT_EQ(Progress::duration(3599.5), "1:00:00");
  EXPECT_EQ(Progress::duration(10 * 3600 + 61), "10:01:01");
}

TEST(Progress, TellsEveryTenthOnceWhereItIsNoTerminal) {
  ::testing::internal::CaptureStderr();
  Progress progress("points");
  for (std::uint64_t done = 0; done <= 40; ++done)
    progress.update(done, 40, [&] { return "; " + std::to_string(done); });
  progress.update(40, 40);
  progress.end_line();
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10) << text;
  EXPECT_EQ(text.rfind("points 4/40 (10 %), ", 0), 0U) << text;
  EXPECT_NE(text.find("\npoints 40/40 (100 %), "), std::string::npos) << text;
  EXPECT_EQ(text.substr(text.size() - 5), "; 40\n");
}

}  // namespace
}  // namespace attnguard
