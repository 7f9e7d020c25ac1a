// What alarms that interrupt do: they cure what a checker saw, at a cost told in advance, and give
// up where nothing can be cured.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "models/accelerator/job_layout.h"
#include "models/checksum_unit/memory_protection.h"
#include "models/fabric/checkpoints.h"
#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_checkers.h"
#include "tests/support/random_faults.h"
#include "tests/support/random_system.h"
#include "tests/support/run_text.h"

namespace attnguard {
namespace {

constexpr RecoveryPolicy kPolicies[] = {RecoveryPolicy::recompute_query_block,
                                        RecoveryPolicy::recompute_head,
                                        RecoveryPolicy::recompute_tile};

RecoveryConfig recovery_of(RecoveryPolicy policy, std::uint32_t retries = 1) {
  RecoveryConfig config;
  config.policy = policy;
  config.retries = retries;
  return config;
}

Simulation simulation_of(const TestSystem& system, const RecoveryConfig& recovery,
                         Fidelity fidelity = Fidelity::transaction) {
  AcceleratorConfig accelerator = system.accelerator;
  accelerator.fidelity = fidelity;
  return Simulation(accelerator, system.checkers, system.job, true, recovery);
}

bool alarms(const RunResult& run) {
  return std::any_of(run.checkers.begin(), run.checkers.end(),
                     [](const CheckerResult& checker) { return checker.alarm_cycle != kNever; });
}

/// Output tile of the earliest check that alarms; none if only a line did.
std::optional<std::uint32_t> first_alarming_tile(const RunResult& run, const JobLayout& layout) {
  const Check* first = nullptr;
  for (const CheckerResult& checker : run.checkers)
    for (const Check& check : checker.checks)
      if (check.alarm && (first == nullptr || check.cycle < first->cycle)) first = &check;
  if (first == nullptr) return std::nullopt;
  return layout.output_tile(first->head, first->query_row);
}

std::optional<std::uint32_t> last_wrong_tile(const RunResult& golden, const RunResult& run,
                                             const JobLayout& layout) {
  std::optional<std::uint32_t> last;
  for (std::size_t word = 0; word < golden.output.size(); ++word) {
    if (golden.output[word] == run.output[word]) continue;
    const auto row = static_cast<std::uint32_t>(word / layout.shape.head_dim);
    last = layout.output_tile(row / layout.shape.tokens_q, row % layout.shape.tokens_q);
  }
  return last;
}

/// Every unit's busy and stall cycles fit into the run one by one.
bool counts_fit(const RunResult& run) {
  for (const auto& [unit, stats] : run.units) {
    if (stats.busy_cycles > run.cycles) return false;
    for (const auto& [reason, cycles] : stats.stall_cycles)
      if (cycles > run.cycles) return false;
  }
  return true;
}

std::string recovery_text(const RunResult& run) {
  std::ostringstream text;
  text << "retries " << run.recovery.retries << " exhausted " << run.recovery.exhausted << " from "
       << run.recovery.alarm_cycle << " to " << run.recovery.recovered_cycle << '\n'
       << run_text(run);
  return text.str();
}

/// What a test wants to know of one fault whose plain run alarms.
struct Cure {
  bool finished = false, exhausted = false, golden = false, counts_fit = true;
  bool sdc = false;      ///< the plain run finished with another output
  bool escaped = false;  ///< what is still wrong was stored before the tile that alarmed first
  std::uint32_t retries = 0;
  std::int64_t extra_cycles = 0;
  std::string site, text;
};

std::string write(const Cure& cure) {
  std::ostringstream out;
  out << "FAULT " << cure.site << ' ' << cure.finished << ' ' << cure.exhausted << ' '
      << cure.golden << ' ' << cure.counts_fit << ' ' << cure.sdc << ' ' << cure.escaped << ' '
      << cure.retries << ' ' << cure.extra_cycles << '\n'
      << cure.text;
  return out.str();
}

std::vector<Cure> read(const std::string& text) {
  std::vector<Cure> cures;
  for (std::size_t at = text.find("FAULT "); at != std::string::npos;) {
    const std::size_t next = text.find("FAULT ", at + 1);
    std::istringstream stream(text.substr(at + 6, next == std::string::npos ? next : next - at));
    Cure cure;
    stream >> cure.site >> cure.finished >> cure.exhausted >> cure.golden >> cure.counts_fit >>
        cure.sdc >> cure.escaped >> cure.retries >> cure.extra_cycles;
    cure.text = stream.str();
    cures.push_back(cure);
    at = next;
  }
  return cures;
}

Cure cure_of(Simulation& simulation, const JobLayout& layout, const RunResult& golden,
             const std::vector<Fault>& faults, const RunResult& plain,
             const RecoveryConfig& recovery) {
  const RunResult run =
      simulation.run_recovering(faults, (1 + recovery.retries) * (8 * golden.cycles + 10000));
  Cure cure;
  cure.site = simulation.universe().name(faults.front().site);
  cure.finished = run.completion == Completion::finished;
  cure.exhausted = run.recovery.exhausted;
  cure.golden = run.output == golden.output;
  cure.counts_fit = counts_fit(run);
  cure.sdc = plain.completion == Completion::finished && plain.output != golden.output;
  const auto alarmed = first_alarming_tile(plain, layout),
             wrong = last_wrong_tile(golden, run, layout);
  // What an earlier key tile of the same query tile has left behind stays with recompute_tile.
  const bool key_tiles = recovery.policy == RecoveryPolicy::recompute_tile;
  cure.escaped = alarmed && wrong && (*wrong < *alarmed || (key_tiles && *wrong == *alarmed));
  cure.retries = run.recovery.retries;
  cure.extra_cycles =
      static_cast<std::int64_t>(run.cycles) - static_cast<std::int64_t>(golden.cycles);
  cure.text = recovery_text(run);
  return cure;
}

/// Every fault that alarms in a plain run, cured on one elaboration.
std::string cures(const TestSystem& system, const RecoveryConfig& recovery, Fidelity fidelity,
                  std::size_t per_class, std::uint32_t seed, std::size_t together) {
  Simulation simulation = simulation_of(system, recovery, fidelity);
  const RunResult golden = simulation.run(true);
  if (golden.completion != Completion::finished || alarms(golden)) return "";
  if (run_text(simulation.run_recovering({}, 1U << 30U)) != run_text(golden))
    return "FAULT a_clean_run_differs 0 0 0 0 0 0 0 0\n";
  const JobLayout layout(system.accelerator, system.job.shape);
  FloatSamples samples(seed);
  const std::vector<Fault> faults = random_faults(simulation.universe(), simulation.live_blocks(),
                                                  golden.cycles, per_class, samples);
  std::string text;
  for (const Fault& fault : faults) {
    std::vector<Fault> at_once{fault};
    while (at_once.size() < together)
      at_once.push_back(faults[samples.integer(0, faults.size() - 1)]);
    const RunResult plain = simulation.run_with_faults(at_once, 4 * golden.cycles + 10000);
    if (alarms(plain)) text += write(cure_of(simulation, layout, golden, at_once, plain, recovery));
  }
  return text;
}

struct Tally {
  int all = 0, sdc = 0, escaped = 0;
  std::int64_t extra_cycles = 0;
  std::map<std::string, int> units;  ///< first word of the site
};

/// Both fidelities tell the same; every single flip that alarms is cured.
void expect_cured(const TestSystem& system, const RecoveryConfig& recovery, std::size_t per_class,
                  std::uint32_t seed, Tally& tally) {
  const auto texts = run_in_children(2, [&](std::size_t i) {
    return cures(system, recovery, i == 0 ? Fidelity::cycle : Fidelity::transaction, per_class,
                 seed, 1);
  });
  EXPECT_EQ(texts[0], texts[1]) << "seed " << seed;
  for (const Cure& cure : read(texts[1])) {
    EXPECT_TRUE(cure.finished) << cure.text;
    EXPECT_FALSE(cure.exhausted) << cure.text;
    EXPECT_TRUE(cure.counts_fit) << cure.text;
    // Only a flip of an alarm line itself can come when the job is over.
    EXPECT_TRUE(cure.retries >= 1 || cure.site.find("line.alarm.") == 0) << cure.text;
    EXPECT_GE(cure.extra_cycles, 0) << cure.text;
    // A word of K or V that stays on chip may have spoilt query tiles before a checker saw it.
    EXPECT_TRUE(cure.golden || cure.escaped) << cure.text;
    ++tally.all;
    tally.sdc += cure.sdc;
    tally.escaped += cure.escaped;
    tally.extra_cycles += cure.extra_cycles;
    ++tally.units[cure.site.substr(0, cure.site.find_first_of(".["))];
  }
}

TEST(Recovery, EveryFlipThatAlarmsInASmallAcceleratorIsCured) {
  for (const RecoveryPolicy policy : kPolicies) {
    for (const bool resident : {false, true}) {
      Tally tally;
      expect_cured(small_system(resident), recovery_of(policy), 15, 41, tally);
      EXPECT_GT(tally.sdc, 150);
      // Nothing outlives a query tile but in a buffer where K and V stay.
      EXPECT_TRUE(resident || tally.escaped == 0);
      RecordProperty(std::string(enum_name(policy)) + (resident ? ".resident" : ".streamed"),
                     std::to_string(tally.escaped) + " escaped of " + std::to_string(tally.all));
      EXPECT_LT(tally.escaped, tally.all / 50);
      for (const char* unit : {"array", "softmax", "accumulator", "q_buffer", "k_buffer",
                               "v_buffer", "link", "line", "checksum"})
        EXPECT_GT(tally.units[unit], 0) << unit;
    }
  }
}

// Eight key tiles, so that most of those that alarm are neither the first nor past the checkpoints.
TEST(Recovery, EveryFlipThatAlarmsInAKeyTileIsCuredForLess) {
  for (const bool resident : {false, true}) {
    TestSystem system = small_system(resident);
    AttentionShape& shape = system.job.shape;
    shape.heads = shape.kv_heads = 1;
    shape.tokens_q = 5;
    shape.tokens_k = 31;
    shape.mask = Mask::none;
    shrink_buffers(system.accelerator, shape, resident);
    FloatSamples samples(48);
    fill_normal(system.job, system.accelerator.formats.operand, samples, 1.5F);
    RecoveryConfig recovery = recovery_of(RecoveryPolicy::recompute_tile);
    Tally deep, shallow, block;
    recovery.checkpoints = 5;
    expect_cured(system, recovery, 8, 49, deep);
    recovery.checkpoints = 1;
    expect_cured(system, recovery, 8, 49, shallow);
    expect_cured(system, recovery_of(RecoveryPolicy::recompute_query_block), 8, 49, block);
    EXPECT_GT(deep.sdc, 80);
    EXPECT_LT(deep.escaped, deep.all / 20);
    EXPECT_LT(deep.extra_cycles, shallow.extra_cycles);
    EXPECT_LT(shallow.extra_cycles, block.extra_cycles);
    std::ostringstream text;
    text << deep.escaped << " escaped of " << deep.all << ", " << deep.extra_cycles << " cycles, "
         << shallow.extra_cycles << " with one checkpoint, " << block.extra_cycles
         << " of whole query tiles";
    RecordProperty(resident ? "resident" : "streamed", text.str());
  }
}

// GQA, ragged, causal, decode, resident and streamed, every format; all kinds of checkers.
TEST(Recovery, EveryFlipThatAlarmsInRandomAcceleratorsIsCured) {
  FloatSamples samples(42);
  Tally tally;
  for (std::uint32_t trial = 0; trial < 12; ++trial) {
    TestSystem system = random_system(samples, {5, 5, 14, 10});
    system.checkers = trial % 4 == 0 ? every_kind() : shipped_checkers();
    expect_cured(system, recovery_of(kPolicies[trial % 3]), 4, 500 + trial, tally);
  }
  EXPECT_GT(tally.sdc, 200);
  EXPECT_LT(tally.escaped, tally.all / 50);
}

// Sums over a head begin anew with it, so work starts again at the head whatever the policy says.
TEST(Recovery, ACheckerThatSumsOverAHeadWidensTheUnitOfWork) {
  TestSystem system = small_system(true);
  FlashAbftConfig per_head;
  per_head.granularity = Granularity::head;
  per_head.score_check = true;
  system.checkers = {{"merged", FlashAbftConfig{}}, {"per_head", per_head}};
  const auto texts = run_in_children(2, [&](std::size_t i) {
    return cures(system, recovery_of(kPolicies[i]), Fidelity::transaction, 8, 43, 1);
  });
  EXPECT_EQ(texts[0], texts[1]);
  const std::vector<Cure> all = read(texts[0]);
  EXPECT_GT(all.size(), 100U);
  for (const Cure& cure : all) {
    EXPECT_TRUE(cure.finished && !cure.exhausted) << cure.text;
    EXPECT_EQ(cure.retries, 1U) << cure.text;
    EXPECT_TRUE(cure.golden || cure.escaped) << cure.text;
  }
}

// What units had done ahead of the abort for a second fault has not happened: both fidelities,
// which run ahead by different amounts, tell the same.
TEST(Recovery, SeveralFaultsAtOnceHaveOneOutcomeAtBothFidelities) {
  for (const RecoveryPolicy policy : kPolicies) {
    const auto texts = run_in_children(2, [&](std::size_t i) {
      return cures(small_system(i < 2), recovery_of(policy, 3),
                   i == 0 ? Fidelity::cycle : Fidelity::transaction, 8, 44, 3);
    });
    EXPECT_EQ(texts[0], texts[1]);
    const std::vector<Cure> all = read(texts[1]);
    EXPECT_GT(all.size(), 300U);
    std::uint32_t most = 0;
    for (const Cure& cure : all) {
      if (!cure.finished) continue;
      EXPECT_FALSE(cure.exhausted) << cure.text;
      most = std::max(most, cure.retries);
    }
    EXPECT_GT(most, 1U);
  }
}

/// One head on a 2 × 2 array, head_dim 2, two keys: a query tile is S0 PV0. Checker two_check only.
TestSystem tile_system(std::uint32_t query_tiles) {
  TestSystem system;
  system.accelerator.array = {2, 2, Dataflow::output_stationary};
  AttentionShape& shape = system.job.shape;
  shape.tokens_q = 2 * query_tiles;
  shape.tokens_k = 2;
  shape.head_dim = 2;
  shape.scale = 1;
  shrink_buffers(system.accelerator, shape, true);
  system.checkers = {{"merged", FlashAbftConfig{}}};
  FloatSamples samples(45);
  fill_normal(system.job, system.accelerator.formats.operand, samples, 1.0F);
  return system;
}

Fault flip(const Simulation& simulation, const std::string& site, std::uint32_t bit,
           std::uint64_t cycle) {
  Fault fault;
  fault.site = simulation.universe().find(site).value();
  fault.bit = bit;
  fault.cycle = cycle;
  return fault;
}

std::vector<std::uint64_t> numbers(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::uint64_t>(stream), {}};
}

/// A live cycle of the acc of PE (0, 0) in the P·V pass of this output tile.
std::uint64_t accumulating(const Simulation& simulation, std::uint32_t tile) {
  const RegisterId acc = simulation.universe().find("array.pe[0][0].acc").value().reg;
  std::uint64_t cycle = 0;
  for (const LiveBlock& block : simulation.live_blocks())
    if (block.reg == acc && block.tile.query_tile == tile) cycle = std::max(cycle, block.start);
  return cycle;
}

// The clean run by the units' formulas, with memory latency 40 and a line per cycle, buffers of
// latency 1, divide 8, softmax 2 + 6 + 2:
//     0  load of q and k written; requests in 1, lines in 41 .. 44, the last can be read from 46 on
//    46  load of v written: request in 47, lines in 87 and 88, readable from 90 on; S0 written, fed
//        from 48, rows cross in 48 + 2 + 2 + 1 = 53 and 54, P in 53 + 8 + 1 = 62 and 63
//    90  output tile opened, PV0 written in 91, read in 92, fed from 93, rows cross in 98 and 99
//   101  l of row 0 is read; its reciprocal stands in 109, the output in 110, crosses in 111; row 1
//        one later, so the tile is in the o buffer in 112 + 1 + 1
//   114  store written, lines read in 115 and 116, accepted in 116 and 117, done in 118
// The output check of row 0 has its last slice in 111; comparison max(adder tree 8, 1) + 1 later,
// read in 111 + 9 + 1 = 121, that of row 1 in 122: the alarm comes after the last store.
//
// The job of one query tile is its unit of work, so with the alarm read in cycle A the redone job
// begins in A + abort_cycles instead of 0 and all else follows as in the clean run:
//   extra cycles      = A + abort_cycles
//   cycles to recover = abort_cycles + 122, till the last check of the work redone is read
TEST(Recovery, ATileDoneAgainCostsTheCyclesTillTheAlarmAndTheAbort) {
  const std::string text = run_in_children(1, [](std::size_t) {
    RecoveryConfig recovery = recovery_of(RecoveryPolicy::recompute_query_block, 2);
    recovery.abort_cycles = 7;
    Simulation simulation = simulation_of(tile_system(1), recovery);
    const RunResult golden = simulation.run(true);
    std::ostringstream out;
    const std::uint64_t at = accumulating(simulation, 0);
    const Fault once = flip(simulation, "array.pe[0][0].acc", 30, at);
    const RunResult plain = simulation.run_with_fault(once, 10000);
    const std::uint64_t alarm = plain.checkers[0].alarm_cycle;
    const RunResult run = simulation.run_recovering({once}, 10000);
    // The same flip in the same place of the work redone: an alarm in the middle of a retry.
    const Fault twice = flip(simulation, "array.pe[0][0].acc", 30, alarm + 7 + at);
    const RunResult again = simulation.run_recovering({once, twice}, 10000);
    out << golden.cycles << ' ' << (plain.output != golden.output) << ' ' << alarm << ' '
        << run.cycles << ' ' << run.recovery.retries << ' ' << run.recovery.alarm_cycle << ' '
        << run.recovery.recovered_cycle << ' ' << (run.output == golden.output) << ' '
        << again.cycles << ' ' << again.recovery.retries << ' ' << (again.output == golden.output)
        << ' ' << again.recovery.recovered_cycle - again.recovery.alarm_cycle << ' '
        << again.recovery.exhausted;
    return out.str();
  })[0];
  const auto n = numbers(text);
  ASSERT_EQ(n.size(), 13U) << text;
  EXPECT_EQ(n[0], 118U);
  EXPECT_EQ(n[1], 1U) << "an sdc";
  EXPECT_EQ(n[2], 121U) << "alarm";
  EXPECT_EQ(n[3], 121U + 7 + 118);
  EXPECT_EQ(n[4], 1U);
  EXPECT_EQ(n[5], 121U);
  EXPECT_EQ(n[6], 121U + 7 + 122);
  EXPECT_EQ(n[7], 1U) << "golden";
  EXPECT_EQ(n[8], 2 * (121U + 7) + 118);
  EXPECT_EQ(n[9], 2U);
  EXPECT_EQ(n[10], 1U) << "golden";
  EXPECT_EQ(n[11], 121U + 7 + 7 + 122);
  EXPECT_EQ(n[12], 0U);
}

// The o buffer's decoder finds a double error in the last line read in 116: the data stand at the
// dma in 117, the alarm is set there and read in 118, in which the store is done and the job would
// be. The tile counts as stored, yet it is the one to be done again.
TEST(Recovery, AnErrorInTheLastLineOfTheLastStoreIsCured) {
  for (const Fidelity fidelity : {Fidelity::transaction, Fidelity::cycle}) {
    const std::string text = run_in_children(1, [fidelity](std::size_t) {
      RecoveryConfig recovery = recovery_of(RecoveryPolicy::recompute_query_block);
      recovery.abort_cycles = 7;
      TestSystem system = tile_system(1);
      system.accelerator.buffers.o.protection = ProtectionConfig{CodeKind::secded, 16, 1};
      system.checkers = {{"memory", MemoryProtectionConfig{}}};
      Simulation simulation = simulation_of(system, recovery, fidelity);
      const RunResult golden = simulation.run(true);
      Fault fault = flip(simulation, "o_buffer.word[2]", 13, 115);  // of row 1
      fault.bits_flipped = 2;
      const RunResult plain = simulation.run_with_fault(fault, 10000);
      const RunResult run = simulation.run_recovering({fault}, 10000);
      std::ostringstream out;
      out << golden.cycles << ' ' << (plain.output != golden.output) << ' '
          << plain.checkers[0].alarm_cycle << ' ' << run.cycles << ' ' << run.recovery.retries
          << ' ' << run.recovery.alarm_cycle << ' ' << run.recovery.recovered_cycle << ' '
          << (run.output == golden.output);
      return out.str();
    })[0];
    EXPECT_EQ(numbers(text),
              (std::vector<std::uint64_t>{118, 1, 118, 118 + 7 + 118, 1, 118, 118 + 7 + 118, 1}));
  }
}

// With the first query tile whole in memory, what follows the abort is a job of the other two, K
// and V loaded anew.
TEST(Recovery, WorkGoesOnBehindTheTileDoneAgain) {
  const auto texts = run_in_children(2, [](std::size_t i) {
    TestSystem system = tile_system(i == 0 ? 3 : 2);
    Simulation simulation =
        simulation_of(system, recovery_of(RecoveryPolicy::recompute_query_block));
    const RunResult golden = simulation.run(true);
    std::ostringstream out;
    out << golden.cycles;
    if (i == 1) return out.str();
    const Fault fault = flip(simulation, "array.pe[0][0].acc", 30, accumulating(simulation, 1));
    const RunResult plain = simulation.run_with_fault(fault, 10000);
    const RunResult run = simulation.run_recovering({fault}, 10000);
    out << ' ' << plain.checkers[0].alarm_cycle << ' ' << run.cycles << ' '
        << (run.output == golden.output) << ' ' << run.recovery.retries << ' '
        << golden.commits[0].first_cycle + 10 << ' ' << run.commits.size();
    return out.str();
  });
  const auto three = numbers(texts[0]), two = numbers(texts[1]);
  ASSERT_EQ(three.size(), 7U) << texts[0];
  const std::uint64_t alarm = three[1];
  ASSERT_GT(alarm, three[5]) << "the first tile is stored by then";
  EXPECT_EQ(three[2], alarm + 4 + two[0]);
  EXPECT_EQ(three[3], 1U);
  EXPECT_EQ(three[4], 1U);
}

/// One query tile of `key_tiles` key tiles, checked tile by tile.
TestSystem key_tile_system(std::uint32_t key_tiles) {
  TestSystem system = tile_system(1);
  AttentionShape& shape = system.job.shape;
  shape.tokens_k = 2 * key_tiles;
  shrink_buffers(system.accelerator, shape, true);
  system.checkers = {{"merged", FlashAbftConfig{}}, {"two_check", MatmulAbftConfig{}}};
  FloatSamples samples(47);
  fill_normal(system.job, system.accelerator.formats.operand, samples, 1.0F);
  return system;
}

// Two key tiles, S0 S1 PV0 PV1, by the same formulas:
//     0  load of q and k0, readable from 46 on
//    46  load of k1 and v0: request in 47, lines in 87 .. 90, readable from 92 on
//    92  load of v1: request in 93, lines in 133 and 134, readable from 136 on
//   136  PV1 written, read in 137, fed from 138, rows cross in 138 + 5 = 143 and 144: 45 cycles
//        after those of PV0 in the job of one key tile, and so is all that follows: done in 163
// The P·V check of row 0 of key tile 1 has its row in 143, compares adder tree 2 + 1 later: read in
// 143 + 3 + 1 = 147, while 1/l is still being formed. P·V of both key tiles is accumulated, so work
// goes back to key tile 1 with the state left by key tile 0. What remains is as long as a job of
// one key tile, 118 cycles. recompute_query_block does the job of two again, 163 cycles.
TEST(Recovery, AKeyTileDoneAgainCostsTheCyclesOfAJobThatBeginsThere) {
  const auto texts = run_in_children(2, [](std::size_t i) {
    Simulation simulation = simulation_of(
        key_tile_system(2), recovery_of(i == 0 ? RecoveryPolicy::recompute_tile
                                               : RecoveryPolicy::recompute_query_block));
    const RunResult golden = simulation.run(true);
    std::ostringstream out;
    const RegisterId acc = simulation.universe().find("array.pe[0][0].acc").value().reg;
    std::uint64_t at[2] = {0, 0};  // the last live cycle of each key tile is in P·V
    for (const LiveBlock& block : simulation.live_blocks())
      if (block.reg == acc)
        at[block.tile.key_tile] = std::max(at[block.tile.key_tile], block.start);
    out << golden.cycles;
    for (const std::uint32_t key_tile : {1U, 0U}) {
      const Fault fault = flip(simulation, "array.pe[0][0].acc", 30, at[key_tile]);
      const RunResult plain = simulation.run_with_fault(fault, 10000);
      const RunResult run = simulation.run_recovering({fault}, 10000);
      out << ' ' << (plain.output != golden.output) << ' ' << run.recovery.alarm_cycle << ' '
          << run.cycles << ' ' << run.recovery.retries << ' ' << (run.output == golden.output);
    }
    return out.str();
  });
  const auto tile = numbers(texts[0]), block = numbers(texts[1]);
  ASSERT_EQ(tile.size(), 11U) << texts[0];
  ASSERT_EQ(block.size(), 11U) << texts[1];
  const std::vector<std::uint64_t> expected{163, 1, 147, 147 + 4 + 118, 1, 1};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), tile.begin())) << texts[0];
  EXPECT_EQ(block[2], 147U);
  EXPECT_EQ(block[3], 147U + 4 + 163);
  // The first key tile is the beginning of the query tile.
  EXPECT_EQ(tile[8], tile[7] + 4 + 163);
  EXPECT_EQ(tile[10], 1U);
  EXPECT_TRUE(std::equal(tile.begin() + 6, tile.end(), block.begin() + 6)) << texts[0] << texts[1];
}

/// Runs `faults` with recovery: "retries exhausted finished golden as_plain extra_cycles".
std::vector<std::uint64_t> outcome(const TestSystem& system, const RecoveryConfig& recovery,
                                   const std::function<std::vector<Fault>(Simulation&)>& faults) {
  return numbers(run_in_children(1, [&](std::size_t) {
    Simulation simulation = simulation_of(system, recovery);
    const RunResult golden = simulation.run(true);
    const std::vector<Fault> armed = faults(simulation);
    const RunResult plain = simulation.run_with_faults(armed, 4 * golden.cycles + 10000);
    const RunResult run =
        simulation.run_recovering(armed, (1 + recovery.retries) * (8 * golden.cycles + 10000));
    std::ostringstream out;
    out << run.recovery.retries << ' ' << run.recovery.exhausted << ' '
        << (run.completion == Completion::finished) << ' ' << (run.output == golden.output) << ' '
        << (run.output == plain.output) << ' ' << run.cycles - golden.cycles << ' '
        << alarms(plain);
    return out.str();
  })[0]);
}

std::vector<Fault> stuck_at_1(const Simulation& simulation, const std::string& site,
                              std::uint32_t bit) {
  Fault fault = flip(simulation, site, bit, 0);
  fault.how.model = FaultModel::stuck_at_1;
  return {fault};
}

TEST(Recovery, APermanentFaultUsesUpItsRetriesInEveryUnitThatItSpoils) {
  for (const RecoveryPolicy policy :
       {RecoveryPolicy::recompute_query_block, RecoveryPolicy::recompute_head})
    for (const auto& [site, bit] : {std::pair<const char*, std::uint32_t>{"array.pe[0][0].acc", 30},
                                    {"v_buffer.word[0]", 14},
                                    {"accumulator.row[0].reciprocal", 30}}) {
      const auto n = outcome(small_system(true), recovery_of(policy, 2),
                             [&](Simulation& s) { return stuck_at_1(s, site, bit); });
      const JobLayout layout(small_system(true).accelerator, small_system(true).job.shape);
      const std::uint64_t units =
          policy == RecoveryPolicy::recompute_head ? layout.shape.heads : layout.output_tiles();
      EXPECT_EQ(n[0], 2 * units) << site;
      EXPECT_EQ(n[1], 1U) << site;
      EXPECT_EQ(n[2], 1U) << site;
      EXPECT_EQ(n[3], 0U) << site;
      EXPECT_EQ(n[4], 1U) << site << ": as without recovery";
    }
}

TEST(Recovery, AFalseAlarmCostsWorkAndNothingElse) {
  const auto in_checker = outcome(
      small_system(true), recovery_of(RecoveryPolicy::recompute_query_block), [](Simulation& s) {
        const RegisterId sum = s.universe().find("checksum.merged.row[0].sum").value().reg;
        std::uint64_t cycle = 0;
        for (const LiveBlock& block : s.live_blocks())
          if (block.reg == sum) cycle = block.start;
        return std::vector<Fault>{flip(s, "checksum.merged.row[0].sum", 30, cycle)};
      });
  EXPECT_EQ(in_checker[0], 1U);
  EXPECT_EQ(in_checker[1], 0U);
  EXPECT_EQ(in_checker[3], 1U);
  EXPECT_GT(in_checker[5], 0U);
  // The line itself: nothing is done but from the oldest tile in work on.
  const auto line = outcome(
      small_system(true), recovery_of(RecoveryPolicy::recompute_query_block),
      [](Simulation& s) { return std::vector<Fault>{flip(s, "line.alarm.merged", 0, 99)}; });
  EXPECT_EQ(line[0], 1U);
  EXPECT_EQ(line[1], 0U);
  EXPECT_EQ(line[3], 1U);
  EXPECT_GT(line[5], 0U);
}

TEST(Recovery, AStuckAlarmLineEndsInEveryTileAndTheJobIsDone) {
  const auto n = outcome(small_system(true), recovery_of(RecoveryPolicy::recompute_query_block, 2),
                         [](Simulation& s) { return stuck_at_1(s, "line.alarm.merged", 0); });
  const JobLayout layout(small_system(true).accelerator, small_system(true).job.shape);
  EXPECT_EQ(n[0], 2 * layout.output_tiles());
  EXPECT_EQ(n[1], 1U);
  EXPECT_EQ(n[2], 1U);
  EXPECT_EQ(n[3], 1U);
}

TEST(Recovery, OnlyTheCheckersNamedInterrupt) {
  RecoveryConfig recovery = recovery_of(RecoveryPolicy::recompute_query_block);
  const auto fault = [](Simulation& s) {
    return std::vector<Fault>{flip(s, "line.alarm.merged", 0, 99)};
  };
  recovery.checkers = {{"two_check"}};
  const auto other = outcome(small_system(true), recovery, fault);
  EXPECT_EQ(other[6], 1U) << "it alarms";
  EXPECT_EQ(other[0], 0U);
  EXPECT_EQ(other[5], 0U);
  recovery.checkers = {{"two_check", "merged"}};
  EXPECT_EQ(outcome(small_system(true), recovery, fault)[0], 1U);
}

// Larger systems, checkers of every option, also those that sum over a head.
TEST(RecoveryLong, EveryFlipThatAlarmsInManyRandomAcceleratorsIsCured) {
  FloatSamples samples(46);
  Tally tally;
  for (std::uint32_t trial = 0; trial < 80; ++trial) {
    TestSystem system = random_system(samples, {9, 9, 30, 20});
    system.checkers = random_checkers(samples, 4);
    expect_cured(system, recovery_of(kPolicies[trial % 3]), 4, 600 + trial, tally);
  }
  EXPECT_GT(tally.sdc, 1000);
  EXPECT_LT(tally.escaped, tally.all / 50);
  RecordProperty("cured", tally.all);
  RecordProperty("escaped", tally.escaped);
}

/// The output tile that blames of whole output tiles make it start again at.
std::optional<std::uint32_t> start(RecoveryCore& core, const std::vector<std::uint32_t>& tiles,
                                   std::uint32_t stored, std::uint64_t cycle) {
  std::vector<Blame> blames;
  for (const std::uint32_t tile : tiles) blames.push_back({tile, std::nullopt});
  const auto point = core.interrupt(blames, stored, {}, cycle);
  if (!point) return std::nullopt;
  EXPECT_EQ(point->key_tile, 0U);
  return point->tile;
}

TEST(RecoveryCore, CountsRetriesByUnitAndNeverStartsBehindWhatIsStored) {
  const TestSystem system = small_system(true);  // two heads of three query tiles
  const JobLayout layout(system.accelerator, system.job.shape);
  ASSERT_EQ(layout.query_tiles, 3U);
  RecoveryCore core(recovery_of(RecoveryPolicy::recompute_query_block, 2), layout, false);
  EXPECT_EQ(start(core, {4, 5}, 4, 100), 4U);
  EXPECT_EQ(start(core, {5}, 3, 120), 3U) << "tile 3 is still in flight";
  EXPECT_EQ(start(core, {5}, 5, 130), std::nullopt) << "its third alarm";
  EXPECT_EQ(start(core, {4, 5}, 5, 140), 4U);
  EXPECT_EQ(start(core, {4}, 5, 150), std::nullopt);
  EXPECT_EQ(core.result().retries, 3U);
  EXPECT_TRUE(core.result().exhausted);
  EXPECT_EQ(core.result().alarm_cycle, 100U);
  EXPECT_FALSE(core.done_again(3));
  EXPECT_TRUE(core.done_again(5));
  core.reset();
  EXPECT_EQ(start(core, {1}, 2, 7), 1U);
  EXPECT_EQ(core.result().alarm_cycle, 7U);

  RecoveryCore heads(recovery_of(RecoveryPolicy::recompute_head, 1), layout, false);
  EXPECT_EQ(start(heads, {5}, 5, 1), 3U);
  EXPECT_EQ(start(heads, {4}, 3, 2), std::nullopt);
  EXPECT_EQ(start(heads, {0}, 6, 3), 0U);
  RecoveryCore others(recovery_of(RecoveryPolicy::recompute_head), layout, false);
  EXPECT_EQ(start(others, {3}, 2, 1), 2U);
  RecoveryCore sums(recovery_of(RecoveryPolicy::recompute_query_block), layout, true);
  EXPECT_EQ(start(sums, {5}, 2, 1), 0U) << "sums over the head of tile 2 begin anew";
}

TEST(Checkpoints, AreThoseOfTheLatestKeyTileThatHasNotBeenForgotten) {
  Checkpoints checkpoints;
  EXPECT_FALSE(checkpoints.keeping());
  checkpoints.start(4);
  TileContext tile;
  tile.head = 1;
  for (std::uint32_t key_tile = 0; key_tile < 6; ++key_tile) {
    tile.key_tile = key_tile;
    checkpoints.after(tile, 10 * key_tile).add(&key_tile, 1);
  }
  EXPECT_EQ(checkpoints.complete(1, 0, 39), 4U);
  EXPECT_EQ(checkpoints.complete(1, 0, 40), 5U);
  EXPECT_EQ(checkpoints.complete(0, 0, 99), 0U);
  EXPECT_EQ(*checkpoints.before(1, 0, 5)->at<std::uint32_t>(0), 4U);
  EXPECT_EQ(checkpoints.before(1, 0, 2), nullptr) << "four are kept";
  checkpoints.forget_before(1, 0, 4);
  EXPECT_EQ(checkpoints.before(1, 0, 3), nullptr);
  EXPECT_EQ(*checkpoints.before(1, 0, 4)->at<std::uint32_t>(0), 3U);
  checkpoints.forget(1, 0, 4);
  EXPECT_EQ(checkpoints.complete(1, 0, 99), 4U);
  tile.query_tile = 1;
  tile.key_tile = 0;
  checkpoints.after(tile, 70);
  EXPECT_EQ(checkpoints.before(1, 0, 9)->tile.key_tile, 3U);
  EXPECT_EQ(checkpoints.before(1, 1, 9)->tile.key_tile, 0U);
  checkpoints.forget(1, 0, 0);
  EXPECT_EQ(checkpoints.before(1, 1, 9), nullptr);
}

TEST(RecoveryCore, GoesBackToAKeyTileOnceAndOnlyWhereItIsCovered) {
  const TestSystem system = small_system(true);
  const JobLayout layout(system.accelerator, system.job.shape);
  RecoveryCore core(recovery_of(RecoveryPolicy::recompute_tile, 2), layout, false);
  const CoveredTiles covered{2, 4};
  EXPECT_EQ(core.interrupt({{1, 3U}}, 1, covered, 10), (RestartPoint{1, 3}));
  EXPECT_EQ(core.interrupt({{1, 5U}}, 1, covered, 20), (RestartPoint{1, 4}))
      << "the accumulator has not come so far";
  EXPECT_EQ(core.interrupt({{1, 4U}, {1, 2U}}, 1, covered, 30), (RestartPoint{1, 2}));
  EXPECT_EQ(core.interrupt({{1, 3U}}, 1, covered, 40), (RestartPoint{1, 0})) << "again";
  EXPECT_EQ(core.interrupt({{2, 3U}}, 1, covered, 50), (RestartPoint{1, 0})) << "not stored";
  EXPECT_EQ(core.interrupt({{1, 1U}}, 1, covered, 60), (RestartPoint{1, 0})) << "done again whole";
  EXPECT_EQ(core.interrupt({{5, 1U}}, 5, covered, 65), (RestartPoint{5, 0})) << "not covered";
  EXPECT_EQ(core.interrupt({{1, 6U}}, 1, covered, 70), std::nullopt) << "two retries used up";
  EXPECT_EQ(core.interrupt({{3, 2U}, {3, std::nullopt}}, 3, covered, 80), (RestartPoint{3, 0}));
  EXPECT_EQ(core.interrupt({{4, 2U}}, 4, {3, 2}, 90), (RestartPoint{4, 0})) << "none covered";
  EXPECT_EQ(core.result().retries, 9U);
  EXPECT_TRUE(core.result().exhausted);
  EXPECT_TRUE(core.done_again(1));
  EXPECT_FALSE(core.done_again(0));
  RecoveryCore heads(recovery_of(RecoveryPolicy::recompute_tile), layout, true);
  EXPECT_EQ(heads.interrupt({{4, 3U}}, 4, covered, 10), (RestartPoint{3, 0}));
}

}  // namespace
}  // namespace attnguard
