// Sweeps: which points, in which order; their files; points in processes of their own.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "src/config/user_error.h"
#include "src/simulation/errors.h"
#include "src/sweep/conduct_points.h"
#include "src/sweep/grid.h"
#include "src/sweep/point_store.h"
#include "src/sweep/sweep_csv.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

SweepConfig sweep_of(std::vector<SweepAxis> grid,
                     std::vector<std::vector<std::string>> linked = {}) {
  SweepConfig sweep;
  sweep.grid = std::move(grid);
  sweep.linked = std::move(linked);
  return sweep;
}

std::vector<std::string> points(const SweepConfig& sweep) {
  std::vector<std::string> texts;
  for (const SweepPoint& point : expand_grid(sweep, ConfigOrigin{"c.json", {}}))
    texts.push_back(point_text(point));
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
  const SweepConfig sweep = sweep_of({{"a", {1, 2}}, {"b", {"x", "y", "z"}}});
  EXPECT_EQ(points(sweep), (std::vector<std::string>{"a=1 b=\"x\"", "a=1 b=\"y\"", "a=1 b=\"z\"",
                                                     "a=2 b=\"x\"", "a=2 b=\"y\"", "a=2 b=\"z\""}));
}

TEST(Grid, LinkedKeysStepTogether) {
  const SweepConfig sweep = sweep_of({{"a", {1, 2}}, {"b", {7, 8}}, {"c", {3, 4}}}, {{"c", "a"}});
  EXPECT_EQ(points(sweep),
            (std::vector<std::string>{"a=1 b=7 c=3", "a=1 b=8 c=3", "a=2 b=7 c=4", "a=2 b=8 c=4"}));
}

TEST(Grid, ComplaintsNameTheKey) {
  EXPECT_EQ(complaint({}), "c.json#/sweep/grid: no key; at least one key with its values");
  EXPECT_EQ(complaint(sweep_of({{"a", {1}}}, {{"a", "b"}})),
            "c.json#/sweep/linked/0: b; a key of sweep.grid");
  EXPECT_EQ(complaint(sweep_of({{"a", {1, 2}}, {"b", {1}}}, {{"a", "b"}})),
            "c.json#/sweep/linked/0: b has 1 values; 2, as many as a");
  EXPECT_EQ(complaint(sweep_of({{"a", {1, 2}}, {"b", {1}}}, {{"b", "a"}})),
            "c.json#/sweep/linked/0: a has 2 values; 1, as many as b");
  EXPECT_EQ(complaint(sweep_of({{"a", {1}}, {"b", {1}}}, {{"a"}, {"b", "a"}})),
            "c.json#/sweep/linked/1: a; each key in one group, once");
  EXPECT_EQ(complaint(sweep_of({{"a.b", {1}}, {"a", {Json::object()}}})),
            "c.json#/sweep/grid/a: undoes a.b before it; the wider key first");
  EXPECT_EQ(complaint(sweep_of({{"a", {Json::object()}}, {"a.b", {1}}, {"ab", {1}}})), "accepted");
  EXPECT_EQ(complaint(sweep_of({{"sweep.mode", {"run"}}})),
            "c.json#/sweep/grid/sweep.mode: a key of the sweep itself; a key outside the section "
            "`sweep`");
}

TEST(Grid, KeysAndPointsAreBounded) {
  const std::vector<Json> ten(10, 1);
  std::vector<SweepAxis> grid{{"a", ten}, {"b", ten}, {"c", ten}, {"d", ten}};
  EXPECT_EQ(points(sweep_of(grid)).size(), 10'000U);
  grid.push_back({"e", {1, 2}});
  EXPECT_EQ(complaint(sweep_of(grid)), "c.json#/sweep/grid: too many points; at most 10000");
  EXPECT_EQ(points(sweep_of(grid, {{"a", "b", "c", "d"}})).size(), 20U);
  grid.clear();
  for (int key = 0; key < 64; ++key) grid.push_back({fmt::format("key{}", key), ten});
  EXPECT_EQ(complaint(sweep_of(grid)), "c.json#/sweep/grid: too many points; at most 10000");
  for (int key = 64; key < 101; ++key) grid.push_back({fmt::format("key{}", key), {1}});
  EXPECT_EQ(complaint(sweep_of(grid)), "c.json#/sweep/grid: 101 keys; at most 100");
}

TEST(Grid, ASettingIsCalledByItsPlaceInTheList) {
  const SweepConfig sweep = sweep_of({{"a/b", {1, 2}}});
  const ConfigOrigin file{"c.json", {}};
  EXPECT_EQ(expand_grid(sweep, file)[1][0].origin, "c.json#/sweep/grid/a~1b/1");
  const ConfigOrigin option{"c.json", {{"/sweep/grid", "--set sweep.grid=…"}}};
  EXPECT_EQ(expand_grid(sweep, option)[1][0].origin, "--set sweep.grid=…#/sweep/grid/a~1b/1");
}

TEST(Grid, OnePointIsNamedForTheAudit) {
  SweepConfig sweep = sweep_of({{"a", {1, 2}}, {"b", {"x", "y"}}});
  const ConfigOrigin origin{"c.json", {}};
  const std::vector<SweepPoint> all = expand_grid(sweep, origin);
  const auto audited = [&](const KeyValues& values) -> std::string {
    sweep.audit_point = values;
    try {
      return std::to_string(audited_point(sweep, all, origin).value());
    } catch (const UserError& error) {
      return error.what();
    }
  };
  EXPECT_EQ(audited_point(sweep, all, origin), std::nullopt);
  EXPECT_EQ(audited({{"a", 1}}), "c.json#/sweep/audit_point: given; only with sweep.mode campaign");
  sweep.mode = SweepMode::campaign;
  EXPECT_EQ(audited({{"b", "y"}, {"a", 1}}), "1");
  EXPECT_EQ(audited({{"a", 1}}),
            "c.json#/sweep/audit_point: names 2 points; values of the grid that one point has");
  EXPECT_EQ(audited({{"a", 3}}),
            "c.json#/sweep/audit_point: names 0 points; values of the grid that one point has");
  EXPECT_EQ(audited({{"xyz", 3}}),
            "c.json#/sweep/audit_point/xyz: no key of sweep.grid; allowed: a, b");
}

TEST(SweepCsv, ColumnsAreTheUnionEachAtItsPlace) {
  const std::vector<SweepPoint> two = {{{"a", 1, ""}, {"b", Json::parse(R"({"k": "x"})"), ""}},
                                       {{"a", 2, ""}, {"b", "y", ""}}};
  EXPECT_EQ(
      sweep_csv(two, {{{"cycles", 7}, {"z", 0.1}}, {{"cycles", 8}, {"m", 1e-7}, {"z", nullptr}}}),
      "a,b,cycles,m,z\r\n"
      "1,\"{\"\"k\"\":\"\"x\"\"}\",7,,0.1\r\n"
      "2,y,8,1e-07,\r\n");
}

/// Points whose results are scripted.
class ConductPoints : public ::testing::Test {
 protected:
  void conduct(std::size_t count, std::uint32_t workers,
               std::function<Json(std::size_t, std::uint32_t)> run) {
    PointsToConduct points;
    for (std::size_t i = count; i-- > 0;) points.order.push_back(i);
    points.workers = workers;
    points.run = std::move(run);
    points.name = [](std::size_t point) { return "p" + std::to_string(point); };
    const auto shared = boost::interprocess::anonymous_shared_memory(count * sizeof(PointProgress));
    points.progress = new (shared.get_address()) PointProgress[count];
    conduct_points(points, PointStore(work(), files_.path(), count));
  }
  std::filesystem::path work() const { return files_.path() / "unfinished"; }
  Json result(std::size_t point) const {
    return PointStore(work(), files_.path(), 1).read(point).value();
  }
  void SetUp() override { std::filesystem::create_directory(work()); }

  ScratchFolder files_;
};

TEST_F(ConductPoints, EachIsAProcessOfItsOwnAndAllWorkersAreUsed) {
  for (const std::uint32_t workers : {1U, 3U, 16U}) {
    conduct(7, workers, [](std::size_t i, std::uint32_t share) {
      return Json{{"index", i}, {"pid", ::getpid()}, {"share", share}};
    });
    std::set<int> pids;
    std::uint32_t shares = 0;
    for (std::size_t i = 0; i < 7; ++i) {
      EXPECT_EQ(result(i)["index"], i);
      pids.insert(result(i)["pid"].get<int>());
      shares += result(i)["share"].get<std::uint32_t>();
    }
    EXPECT_EQ(pids.size(), 7U);
    EXPECT_EQ(pids.count(::getpid()), 0U);
    EXPECT_EQ(shares, std::max(7U, workers));
  }
}

TEST_F(ConductPoints, AKilledOneIsStartedAgainOnce) {
  const std::string mark = (files_.path() / "mark").string();
  conduct(3, 2, [&](std::size_t i, std::uint32_t) {
    if (i == 1 && !std::filesystem::exists(mark)) {
      files_.write("mark", "x");
      ::kill(::getpid(), SIGKILL);
    }
    return Json{{"index", i}};
  });
  EXPECT_EQ(result(1)["index"], 1);
  EXPECT_THROW(conduct(1, 1,
                       [](std::size_t, std::uint32_t) -> Json {
                         ::kill(::getpid(), SIGKILL);
                         return {};
                       }),
               ModelError);
}

TEST_F(ConductPoints, AnErrorNamesThePointAndIsOfItsKind) {
  const auto message = [&](auto error) -> std::string {
    try {
      conduct(1, 1, [&](std::size_t, std::uint32_t) -> Json { throw error; });
    } catch (const decltype(error)& thrown) {
      return thrown.what();
    }
    return "another kind";
  };
  EXPECT_EQ(message(UserError("x; y")), "point p0: x; y");
  EXPECT_EQ(message(UnfinishedError("x")), "point p0: x");
  EXPECT_EQ(message(AuditError("x")), "point p0: x");
  EXPECT_EQ(message(ModelError("x")), "point p0: x");
}

TEST_F(ConductPoints, LeaveNoGrandchildBehind) {
  const std::string file = (files_.path() / "grandchild").string();
  EXPECT_THROW(conduct(1, 1,
                       [&](std::size_t, std::uint32_t) -> Json {
                         if (::fork() == 0) {
                           files_.write("grandchild", std::to_string(::getpid()));
                           ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                           while (true) ::pause();
                         }
                         while (read_text(file).empty()) ::usleep(1000);
                         ::usleep(20000);
                         throw UserError("x");
                       }),
               UserError);
  EXPECT_NE(::kill(std::stoi(read_text(file)), 0), 0);
}

TEST(PointStore, TakesBackWhatWasMovedToTheResult) {
  for (const char* where : {"unfinished/results/points", "points"}) {
    const ScratchFolder files;
    const std::filesystem::path work = files.path() / "unfinished";
    std::filesystem::create_directory(work);
    PointStore(work, files.path(), 2).write(0, {{"row", 1}});
    files.write(std::string(where) + "/000/summary.json", R"({"tool": "attnguard"})");
    std::filesystem::remove(work / "points");
    // Without the last point nothing can have been moved: an earlier result.
    EXPECT_FALSE(std::filesystem::exists(PointStore(work, files.path(), 2).folder(0)));
    std::filesystem::remove(work / "points");
    EXPECT_TRUE(std::filesystem::exists(PointStore(work, files.path(), 1).folder(0)));
  }
}

TEST(PointStore, ClearsAwayWhatKilledCampaignsLeft) {
  const ScratchFolder files;
  files.write("unfinished/points/.000.partial.7/x", "x");
  files.write("unfinished/points/000/chunks/campaign.json", "x");
  const PointStore store(files.path() / "unfinished", files.path(), 1);
  EXPECT_FALSE(std::filesystem::exists(files.path() / "unfinished/points/.000.partial.7"));
  EXPECT_TRUE(std::filesystem::exists(store.folder(0) / "chunks"));
  EXPECT_EQ(store.read(0), std::nullopt);
  // A process that was replaced while the sweep ran.
  files.write("unfinished/points/.000.partial.8/x", "x");
  store.publish(files.path());
  EXPECT_FALSE(std::filesystem::exists(files.path() / "points/.000.partial.8"));
  EXPECT_TRUE(std::filesystem::exists(point_folder(files.path(), 0) / "chunks"));
}

// A sweep that ends while it publishes has its points in two places.
TEST(PointStore, TakesBackWhatWasMovedBeforeItsSweepWasKilled) {
  const ScratchFolder scratch;
  const std::filesystem::path work = scratch.path() / "out/unfinished",
                              result = scratch.path() / "out";
  const std::string mark = R"({"tool": "attnguard"})";
  for (const char* point : {"000", "001"}) {
    scratch.write("out/unfinished/" + std::string(point) + ".point", "{}");
    scratch.write("out/points/" + std::string(point) + "/shard.json", mark);
  }
  scratch.write("out/points/001/injections.csv", "new");
  scratch.write("out/points/000/injections.csv", "of an earlier sweep");
  scratch.write("out/unfinished/results/points/000/shard.json", mark);
  scratch.write("out/unfinished/results/points/000/injections.csv", "new");
  scratch.write("out/points/note.txt", "mine");
  const PointStore store(work, result, 2);
  for (const std::size_t point : {0, 1})
    EXPECT_EQ(read_text(store.folder(point) / "injections.csv"), "new");
  EXPECT_TRUE(std::filesystem::exists(result / "points/note.txt"));
}

}  // namespace
}  // namespace attnguard
