// What a disarmed fault injector costs: the same run with an interposer on every link and without. Taps are always present; disarmed
// they are one test per tile. Two processes take turns, CPU time, median of 21 ratios.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <systemc>

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
  ~TimedChild() {
    if (::write(ask_[1], "q", 1) == 1) ::waitpid(pid_, nullptr, 0);
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
  TimedChild with(job, true), without(job, false);
  with.seconds();
  without.seconds();
  constexpr int kPairs = 21;
  std::vector<double> ratios;
  for (int pair = 0; pair < kPairs; ++pair) {
    const double bound = with.seconds();
    ratios.push_back(bound / without.seconds());
  }
  fmt::print("16x16, 256 tokens, d=64: disarmed interposers cost {:+.1f} % of run time (median of {} pairs)\n",
             100 * (median(ratios) - 1), kPairs);
  return 0;
}

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
