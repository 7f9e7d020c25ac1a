#include "src/processes/worker_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "src/simulation/errors.h"

namespace attnguard {
namespace {

std::vector<std::string> run(PoolOptions options, std::uint64_t items,
                             const std::function<WorkResult(std::uint64_t)>& work) {
  std::vector<std::string> results;
  run_in_workers(options, items, "item", work, [&](std::uint64_t item, const std::string& bytes) {
    EXPECT_EQ(item, results.size()) << "in ascending order";
    results.push_back(bytes);
  });
  return results;
}

std::string error_of(const std::function<WorkResult(std::uint64_t)>& work) {
  try {
    run({2, 3}, 10, work);
  } catch (const ModelError& error) {
    return error.what();
  }
  return "no error";
}

TEST(WorkerPool, DeliversEveryItemOnceInOrderForAnyWorkersAndChunks) {
  for (const std::uint32_t workers : {1U, 2U, 5U})
    for (const std::uint64_t chunk : {1U, 3U, 100U}) {
      const auto results = run({workers, chunk}, 50, [](std::uint64_t item) {
        if (item % 7 == 0) ::usleep(2000);
        return WorkResult{std::string(item, 'x') + std::to_string(item), false};
      });
      ASSERT_EQ(results.size(), 50U);
      for (std::uint64_t item = 0; item < 50; ++item)
        EXPECT_EQ(results[item], std::string(item, 'x') + std::to_string(item));
    }
}

TEST(WorkerPool, WithoutItemsDoesNothing) {
  EXPECT_TRUE(run({2, 4}, 0, [](std::uint64_t) -> WorkResult {
                throw std::logic_error("no work");
              }).empty());
}

TEST(WorkerPool, CarriesResultsLargerThanASocketBuffer) {
  const auto results = run({2, 1}, 3, [](std::uint64_t item) {
    return WorkResult{std::string(5'000'000, char('a' + item)), false};
  });
  EXPECT_EQ(results[2], std::string(5'000'000, 'c'));
}

TEST(WorkerPool, DoesTheNextItemInAFreshForkAfterARetirement) {
  // The counter lives in the worker: it starts again at zero in every fresh fork.
  int done_here = 0;
  const auto results = run({1, 4}, 9, [&done_here](std::uint64_t item) {
    return WorkResult{std::to_string(done_here++), item == 1 || item == 4 || item == 8};
  });
  EXPECT_EQ(results, (std::vector<std::string>{"0", "1", "0", "1", "2", "0", "1", "2", "3"}));
  EXPECT_EQ(done_here, 0) << "nothing runs in the calling process";
}

TEST(WorkerPool, TriesAnItemAgainWhenItsWorkerDies) {
  std::FILE* seen = std::tmpfile();  // shared by all forks
  const auto results = run({2, 3}, 10, [&](std::uint64_t item) {
    if (item == 5 && ::lseek(fileno(seen), 0, SEEK_END) == 0) {
      EXPECT_EQ(::write(fileno(seen), "x", 1), 1);
      ::kill(::getpid(), SIGKILL);
    }
    return WorkResult{std::to_string(item), false};
  });
  std::fclose(seen);
  EXPECT_EQ(results.size(), 10U);
  EXPECT_EQ(results[5], "5");
}

TEST(WorkerPool, AsksWhatToDeliverForAnItemThatFailed) {
  PoolOptions options{2, 3};
  int failures = 0;
  options.failed = [&](std::uint64_t item,
                       const std::string& reason) -> std::optional<std::string> {
    EXPECT_EQ(item, 5U);
    EXPECT_EQ(reason, "the worker was ended by signal 9");
    return ++failures < 3 ? std::nullopt : std::optional<std::string>("given up");
  };
  const auto results = run(options, 10, [](std::uint64_t item) {
    if (item == 5) ::kill(::getpid(), SIGKILL);
    return WorkResult{std::to_string(item), false};
  });
  EXPECT_EQ(failures, 3);
  ASSERT_EQ(results.size(), 10U);
  EXPECT_EQ(results[5], "given up");
  EXPECT_EQ(results[6], "6");
}

TEST(WorkerPool, EndsWhenTheTickThrows) {
  PoolOptions options{2, 1};
  int ticks = 0;
  options.tick = [&] {
    if (++ticks > 2) throw std::runtime_error("enough");
  };
  EXPECT_THROW(run(options, 2,
                   [](std::uint64_t) {
                     ::sleep(100);
                     return WorkResult{};
                   }),
               std::runtime_error);
}

TEST(WorkerPool, NamesTheItemWhoseWorkerDiesTwice) {
  EXPECT_EQ(error_of([](std::uint64_t item) {
              if (item == 5) ::kill(::getpid(), SIGKILL);
              return WorkResult{"", false};
            }),
            "item 5 failed twice: the worker was ended by signal 9");
  EXPECT_EQ(error_of([](std::uint64_t item) {
              if (item == 7) ::_exit(9);
              return WorkResult{"", false};
            }),
            "item 7 failed twice: the worker ended with status 9");
  EXPECT_EQ(error_of([](std::uint64_t item) {
              if (item == 2) throw std::runtime_error("assertion in the array");
              return WorkResult{"", false};
            }),
            "item 2 failed twice: assertion in the array");
}

TEST(WorkerPool, DoesNotTakeWhatTheMachineRefusesForAFailureOfTheItem) {
  const auto refusal = [](const std::function<void()>& refuse) -> std::string {
    PoolOptions options{2, 3};
    options.failed = [](std::uint64_t, const std::string&) {
      return std::optional<std::string>("");
    };
    try {
      run(options, 10, [&](std::uint64_t item) {
        if (item == 2) refuse();
        return WorkResult{};
      });
    } catch (const MachineError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(refusal([] { throw std::bad_alloc(); }), "out of memory");
  EXPECT_EQ(refusal([] { throw std::system_error(ENOSPC, std::generic_category(), "a/file"); }),
            "a/file: No space left on device");
  EXPECT_EQ(refusal([] { throw MachineError("told before"); }), "told before");
}

}  // namespace
}  // namespace attnguard
