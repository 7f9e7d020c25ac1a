// How many injections per second each engine resolves, on the injections of one plan, in one
// process. usage: campaign_rate CONFIG [--classes] [--set path=value]...
//
// The differential engine resolves every injection of the plan that it serves; the full engine the
// first of each site class in turn until it has run for a few seconds. CPU time throughout.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <systemc>
#include <vector>

#include "bench/measure.h"
#include "src/campaign/differential/make_engine.h"
#include "src/campaign/injections/measure.h"
#include "src/cli/text_table.h"

using namespace attnguard;

namespace {

struct ClassTime {
  std::uint64_t injections = 0;
  double seconds = 0;
  std::uint64_t multiply_adds = 0;
};

double now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Multiply-adds per second of the tile kernel on operands in the first-level cache.
double peak_multiply_adds() {
  constexpr std::size_t kDepth = 64, kSize = 16;
  const LaneTile west(kDepth * kSize, 1.0F), north(kDepth * kSize, 1.0F);
  LaneTile out(kSize * kSize);
  double best = 0;
  for (int trial = 0; trial < 20; ++trial) {
    constexpr int kRepeat = 20000;
    const double seconds = cpu_seconds(kRepeat, [&] {
      matmul_tile(west.data(), north.data(), out.data(), kDepth, kSize, kSize, kSize, kSize);
    });
    best = std::max(best, kRepeat * static_cast<double>(kDepth * kSize * kSize) / seconds);
  }
  return best;
}

int run(const std::vector<std::string>& arguments) {
  CommandLine line;
  line.command = "campaign";
  bool classes = false;
  double full_seconds = 3;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--set")
      line.sets.push_back(arguments.at(++i));
    else if (arguments[i] == "--classes")
      classes = true;
    else if (arguments[i] == "--full-seconds")
      full_seconds = std::stod(arguments.at(++i));
    else
      line.positional.push_back(arguments[i]);
  }
  const Prepared prepared = prepare(line);
  CampaignSession session(prepared);
  const CampaignPlan& plan = session.plan();
  const CampaignContext& context = session.context();
  auto engine = make_engine(prepared, session, std::uint64_t{16} << 30);
  double started = now();
  engine->load(0);
  const double load_s = now() - started;

  std::map<std::string, ClassTime> times;
  ClassTime all;
  std::vector<std::vector<Injection>> by_class(context.universe.classes().size());
  started = now();
  for (std::uint64_t n = 0; n < plan.size(); ++n) {
    const Injection injection = plan.injection(n);
    const Assignment at = engine->assign(injection);
    if (!at.full && at.group == 0) by_class[injection.fault.site.reg].push_back(injection);
  }
  const double draw_s = now() - started;
  // As the campaign does within a chunk.
  for (auto& injections : by_class)
    std::stable_sort(injections.begin(), injections.end(),
                     [&](const Injection& a, const Injection& b) {
                       return engine->assign(a).query_tile < engine->assign(b).query_tile;
                     });
  for (RegisterId reg = 0; reg < by_class.size(); ++reg) {
    if (by_class[reg].empty()) continue;
    ClassTime& time = times[context.universe[reg].site_class()];
    const std::uint64_t before = engine->multiply_adds();
    started = now();
    std::vector<Measurement> measurements(by_class[reg].size());
    engine->measure(by_class[reg], measurements, [](std::size_t) {});
    time.seconds = now() - started;
    time.injections = by_class[reg].size();
    time.multiply_adds = engine->multiply_adds() - before;
    all.seconds += time.seconds;
    all.injections += time.injections;
    all.multiply_adds += time.multiply_adds;
  }

  std::uint64_t runs = 0;
  started = now();
  const Simulate simulate = session.simulate();
  for (std::size_t i = 0; now() - started < full_seconds; ++i)
    for (const auto& injections : by_class)
      if (i < injections.size()) {
        measure_fully(context, simulate, injections[i]);
        ++runs;
      }
  const double full_rate = static_cast<double>(runs) / (now() - started);

  const auto rate = [](const ClassTime& t) { return static_cast<double>(t.injections) / t.seconds; };
  const double peak = peak_multiply_adds();
  if (classes) {
    TextTable table;
    table.add({"site class", "injections", "us each", "injections/s", "multiply-adds each"});
    for (const auto& [name, time] : times)
      table.add({name, std::to_string(time.injections),
                 fmt::format("{:.2f}", 1e6 / rate(time)), fmt::format("{:.0f}", rate(time)),
                 fmt::format("{:.0f}", static_cast<double>(time.multiply_adds) /
                                           static_cast<double>(time.injections))});
    fmt::print("{}\n", table.str());
  }
  fmt::print(
      "differential {:.0f} injections/s ({:.2f} us; {:.0f} multiply-adds each, {:.1f} % of the "
      "kernel's peak), full + {} {:.1f}/s: {:.0f} x; golden state {:.1f} MiB in {:.2f} s, drawing "
      "{:.2f} us each\n",
      rate(all), 1e6 / rate(all),
      static_cast<double>(all.multiply_adds) / static_cast<double>(all.injections),
      100 * static_cast<double>(all.multiply_adds) / all.seconds / peak,
      enum_name(prepared.config.accelerator.fidelity), full_rate, rate(all) / full_rate,
      static_cast<double>(engine->golden_bytes()) / (1 << 20), load_s,
      1e6 * draw_s / static_cast<double>(plan.size()));
  return 0;
}

}  // namespace

int sc_main(int argc, char** argv) { return run({argv + 1, argv + argc}); }

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
