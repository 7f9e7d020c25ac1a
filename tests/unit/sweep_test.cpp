// Grids: which points, in which order; and tasks in processes of their own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "src/simulation/errors.h"
#include "src/config/user_error.h"
#include "src/sweep/fork_map.h"
#include "src/sweep/grid.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> points(const SweepConfig& sweep) {
  std::vector<std::string> texts;
  for (const SweepPoint& point : expand_grid(sweep, ConfigOrigin{"c.json", {}})) {
    std::string& text = texts.emplace_back();
    for (const auto& setting : point) text += (text.empty() ? "" : " ") + assignment(setting);
  }
  return texts;
}
std::string complaint(const SweepConfig& sweep) {
  try {
    points(sweep);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Grid, LastKeyVariesFastest) {
  const SweepConfig sweep{{{"a", {1, 2}}, {"b", {"x", "y", "z"}}}, {}, SweepMode::run};
  EXPECT_EQ(points(sweep), (std::vector<std::string>{"a=1 b=\"x\"", "a=1 b=\"y\"", "a=1 b=\"z\"",
                                                     "a=2 b=\"x\"", "a=2 b=\"y\"", "a=2 b=\"z\""}));
}

TEST(Grid, LinkedKeysStepTogether) {
  const SweepConfig sweep{
      {{"a", {1, 2}}, {"b", {7, 8}}, {"c", {3, 4}}}, {{"c", "a"}}, SweepMode::run};
  EXPECT_EQ(points(sweep),
            (std::vector<std::string>{"a=1 b=7 c=3", "a=1 b=8 c=3", "a=2 b=7 c=4", "a=2 b=8 c=4"}));
}

TEST(Grid, ComplaintsNameTheKey) {
  EXPECT_EQ(complaint({}), "c.json#/sweep/grid: no key; at least one key with its values");
  EXPECT_EQ(complaint({{{"a", {1}}}, {{"a", "b"}}, SweepMode::run}),
            "c.json#/sweep/linked/0: b; a key of sweep.grid");
  EXPECT_EQ(complaint({{{"a", {1, 2}}, {"b", {1}}}, {{"a", "b"}}, SweepMode::run}),
            "c.json#/sweep/linked/0: b has 1 values; 2, as many as a");
  EXPECT_EQ(complaint({{{"a", {1}}, {"b", {1}}}, {{"a"}, {"b", "a"}}, SweepMode::run}),
            "c.json#/sweep/linked/1: a; each key in one group, once");
}

TEST(ForkMap, ResultsAreInOrderAndFromProcessesOfTheirOwn) {
  std::set<std::size_t> seen;
  const std::vector<Json> results = fork_map(
      7, 3,
      [](std::size_t i) {
        ::usleep(static_cast<useconds_t>((7 - i) * 2000));
        return Json{{"index", i}, {"pid", ::getpid()}, {"big", std::string(100000, 'x')}};
      },
      [&](std::size_t i, const Json&) { seen.insert(i); });
  std::set<int> pids;
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(results[i]["index"], i);
    EXPECT_EQ(results[i]["big"].get<std::string>().size(), 100000U);
    pids.insert(results[i]["pid"].get<int>());
  }
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(pids.size(), 7U);
  EXPECT_EQ(pids.count(::getpid()), 0U);
}

TEST(ForkMap, ADeadProcessIsAnError) {
  const auto die = [](std::size_t) -> Json { ::_exit(3); };
  EXPECT_THROW(fork_map(1, 1, die, [](std::size_t, const Json&) {}), ModelError);
}

}  // namespace
}  // namespace attnguard
