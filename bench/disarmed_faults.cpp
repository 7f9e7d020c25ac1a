// What a disarmed fault injector costs: the same run with an interposer on every link and without. Taps are always present; disarmed
// they are one test per tile. Where a process's memory happens to lie moves its speed by more than what is measured, so each of
// the 21 ratios comes from two fresh processes that take turns; CPU time, fastest turn of each, median of the ratios.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <systemc>
#include <vector>

#include "bench/measure.h"
#include "src/simulation/simulation.h"

using namespace attnguard;

namespace {

/// A child that elaborates one simulation and times a batch of runs whenever it is asked to.
class TimedChild {
 public:
  TimedChild(const AttentionJob& job, bool interposers) {
    if (::pipe(ask_.data()) != 0 || ::pipe(answer_.data()) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ != 0) return;
    constexpr int kRepeat = 20;
    Simulation simulation(AcceleratorConfig{}, {}, job, interposers);
    char token = 0;
    while (::read(ask_[0], &token, 1) == 1 && token == 'g') {
      const double seconds = cpu_seconds(kRepeat, [&] { simulation.run(); }) / kRepeat;
      if (::write(answer_[1], &seconds, sizeof seconds) != sizeof seconds) break;
    }
    ::_exit(0);
  }
  TimedChild(const TimedChild&) = delete;
  ~TimedChild() {
    if (::write(ask_[1], "q", 1) == 1) ::waitpid(pid_, nullptr, 0);
    for (const int end : {ask_[0], ask_[1], answer_[0], answer_[1]}) ::close(end);
  }
  double seconds() {
    double value = 0;
    if (::write(ask_[1], "g", 1) != 1 || ::read(answer_[0], &value, sizeof value) != sizeof value) std::abort();
    return value;
  }

 private:
  std::array<int, 2> ask_{}, answer_{};
  pid_t pid_ = 0;
};

}  // namespace

int sc_main(int, char**) {
  const AttentionJob job = bench_job(256, 64);
  constexpr int kPairs = 21, kTurns = 8;
  std::vector<double> ratios;
  for (int pair = 0; pair < kPairs; ++pair) {
    TimedChild with(job, true), without(job, false);
    double bound = with.seconds(), unbound = without.seconds();
    for (int turn = 1; turn < kTurns; ++turn) {
      bound = std::min(bound, with.seconds());
      unbound = std::min(unbound, without.seconds());
    }
    ratios.push_back(bound / unbound);
  }
  std::sort(ratios.begin(), ratios.end());
  fmt::print("16x16, 256 tokens, d=64: disarmed interposers cost {:+.1f} % of run time (median of {} pairs; quartiles {:+.1f}, {:+.1f})\n",
             100 * (ratios[kPairs / 2] - 1), kPairs, 100 * (ratios[kPairs / 4] - 1), 100 * (ratios[3 * kPairs / 4] - 1));
  return 0;
}

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
