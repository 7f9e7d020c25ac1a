// The differential engine measures what a complete SystemC run measures, of every fault.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "models/checksum_unit/any_of.h"
#include "models/checksum_unit/memory_protection.h"
#include "src/campaign/differential/make_engine.h"
#include "src/campaign/figures/row.h"
#include "tests/support/child_process.h"
#include "tests/support/random_checkers.h"
#include "tests/support/random_faults.h"
#include "tests/support/random_system.h"

namespace attnguard {
namespace {

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30U;  ///< bytes of golden state

struct Experiment {
  std::uint32_t seed = 0;     ///< of the faults
  std::size_t per_class = 0;  ///< faults anywhere in the run, and as many around live cells
  std::uint64_t sampled = 0;  ///< drawn by a plan: these know their live block
  std::uint64_t memory = 0;   ///< for golden state; with 0 tiles are recorded again and again
};

Prepared prepared_of(const TestSystem& system, const Experiment& experiment) {
  Prepared prepared;
  prepared.config.accelerator = system.accelerator;
  prepared.config.checkers = system.checkers;
  prepared.job = system.job;
  CampaignConfig& campaign = prepared.config.campaign;
  campaign.injections = std::max<std::uint64_t>(1, experiment.sampled);
  FaultModelConfig carry;
  carry.kind = FaultModel::carry;
  carry.parameters.carry = experiment.seed % 2 == 0 ? CarryError::wrong : CarryError::missing;
  FaultModelConfig scattered;
  scattered.bits = 4;
  scattered.scattered = true;
  campaign.models = {{FaultModel::bit_flip, 1, 2}, {FaultModel::bit_flip, 3, 1}, scattered, carry};
  campaign.safety_mechanism_share = 0.4;
  return prepared;
}

/// Half of the flips become wider, up to the end of the register or lane; some that can become an
/// error of a carry.
void widen(std::vector<Fault>& faults, const FaultUniverse& universe, FloatSamples& samples) {
  for (Fault& fault : faults) {
    const std::uint32_t bits = universe[fault.site.reg].bits;
    fault.bits_flipped = std::min(samples.pick(1U, 1U, 2U, 5U), bits - fault.bit % bits);
    if (universe[fault.site.reg].adder == Adder::none || samples.integer(0, 2) != 0) continue;
    fault.bits_flipped = 1;
    fault.how.model = FaultModel::carry;
    fault.how.missing = samples.integer(0, 1) == 1;
  }
}

std::vector<Injection> injections(const CampaignSession& session, const Experiment& experiment) {
  const Simulation& simulation = session.simulation();
  FloatSamples samples(experiment.seed);
  std::vector<Fault> faults = random_faults(simulation.universe(), simulation.live_blocks(),
                                            session.golden().cycles, experiment.per_class, samples);
  widen(faults, simulation.universe(), samples);
  std::vector<Injection> all;
  for (const Fault& fault : faults) {
    if (simulation.universe()[fault.site.reg].kind == StorageKind::state) continue;  // all `full`
    all.emplace_back(all.size() + 1, 0, fault);
  }
  for (std::uint64_t n = 0; n < experiment.sampled; ++n) all.push_back(session.plan().injection(n));
  return all;
}

/// Both engines on every fault: a line "<injections> <of them activated> <that only a complete run
/// can tell> <mismatches>", then both rows of the first mismatches.
std::string compare_engines(const TestSystem& system, const Experiment& experiment) {
  const Prepared prepared = prepared_of(system, experiment);
  CampaignSession session(prepared);
  const auto engine = make_engine(prepared, session, experiment.memory);
  const Simulate simulate = session.simulate();
  RowWriter writer(session.context());
  std::ostringstream text;
  const std::vector<Injection> all = injections(session, experiment);
  std::size_t activated = 0, full = 0, mismatches = 0;
  Record record;  // reused, as a campaign does: nothing of the record before may stay
  for (std::uint32_t group = 0; group < engine->groups(); ++group) {
    engine->load(group);
    std::vector<Injection> together;
    std::vector<std::string> alone;
    for (const Injection& injection : all) {
      const Assignment assignment = engine->assign(injection);
      full += assignment.full && group == 0 ? 1 : 0;
      if (assignment.full || assignment.group != group) continue;
      record.injection = injection;
      engine->measure(injection, record.measurement);
      const std::string differential = writer.row(record);
      together.push_back(injection);
      alone.push_back(differential);
      const Record complete{injection, measure_fully(session.context(), simulate, injection)};
      activated += complete.measurement.fault.activated ? 1 : 0;
      const std::string expected = writer.row(complete);
      if (differential != expected && ++mismatches <= 3)
        text << "full          " << expected << "differential  " << differential;
    }
    // A campaign has them measured together, those that many query tiles read tile by tile.
    std::vector<Measurement> measurements(together.size());
    engine->measure(together, measurements, [](std::size_t) {});
    for (std::size_t i = 0; i < together.size(); ++i) {
      const std::string row = writer.row({together[i], measurements[i]});
      if (row != alone[i] && ++mismatches <= 3)
        text << "alone     " << alone[i] << "together  " << row;
    }
  }
  return std::to_string(all.size()) + ' ' + std::to_string(activated) + ' ' + std::to_string(full) +
         ' ' + std::to_string(mismatches) + '\n' + text.str();
}

struct Totals {
  std::size_t faults = 0, activated = 0, full = 0;
};

/// Takes in a text of compare_engines.
void expect_no_mismatch(const std::string& text, Totals& totals) {
  std::istringstream stream(text);
  std::size_t faults = 0, activated = 0, full = 0, mismatches = 1;
  stream >> faults >> activated >> full >> mismatches;
  EXPECT_EQ(mismatches, 0U) << text;
  totals.faults += faults;
  totals.activated += activated;
  totals.full += full;
}

/// System `n` of a family; every other one holds all golden state.
std::string compare_random_system(std::uint32_t n, const SystemLimits& limits,
                                  std::size_t per_class) {
  FloatSamples samples(1000 + n);
  TestSystem system = random_system(samples, limits);
  system.checkers = random_checkers(samples, 4);
  return compare_engines(system, {n, per_class, 100 * per_class, n % 2 == 0 ? 0 : kPlenty});
}

/// The same with check bits on every buffer that can have them, and on words of several elements.
std::string compare_protected_system(std::uint32_t n, std::size_t per_class) {
  FloatSamples samples(2000 + n);
  TestSystem system = random_system(samples, {6, 6, 20, 14});
  protect_buffers(system.accelerator, samples, true);
  system.checkers = random_checkers(samples, 2);
  if (system.accelerator.buffers.any_protected()) {
    const std::vector<CheckerConfig> memory{{"memory", MemoryProtectionConfig{}},
                                            {"any_error", MemoryProtectionConfig{true}}};
    system.checkers.insert(system.checkers.begin(), memory.begin(), memory.end());
    system.checkers.push_back({"memory_or_c0", AnyOfConfig{{"memory", "c0"}}});
  }
  return compare_engines(system, {n, per_class, 100 * per_class, n % 2 == 0 ? 0 : kPlenty});
}

void expect_same_of_protected(std::uint32_t first, std::uint32_t systems, std::size_t per_class,
                              Totals& all) {
  const auto texts = run_in_children(systems, [&](std::size_t i) {
    return compare_protected_system(first + static_cast<std::uint32_t>(i), per_class);
  });
  for (std::uint32_t i = 0; i < systems; ++i) {
    SCOPED_TRACE("protected system " + std::to_string(first + i));
    expect_no_mismatch(texts[i], all);
  }
}

/// `systems` of them, from number `first` on.
Totals expect_same_measurements(std::uint32_t first, std::uint32_t systems,
                                const SystemLimits& limits, std::size_t per_class) {
  const auto texts = run_in_children(systems, [&](std::size_t i) {
    return compare_random_system(first + static_cast<std::uint32_t>(i), limits, per_class);
  });
  Totals all;
  for (std::uint32_t i = 0; i < systems; ++i) {
    SCOPED_TRACE("system " + std::to_string(first + i));
    expect_no_mismatch(texts[i], all);
  }
  EXPECT_GT(all.activated, all.faults / 2);
  EXPECT_LT(all.full, all.faults / 20);
  return all;
}

constexpr SystemLimits kSmall{6, 6, 20, 14};

TEST(DifferentialIdentity, SmallRandomSystems) {
  const Totals totals = expect_same_measurements(0, 60, kSmall, 4);
  EXPECT_GT(totals.faults, 50000U);
}

TEST(DifferentialIdentity, LargerRandomSystems) {
  const Totals totals = expect_same_measurements(1000, 8, {}, 3);
  EXPECT_GT(totals.faults, 5000U);
}

TEST(DifferentialIdentity, ShippedCheckersWithKAndVStreamedAndResident) {
  Totals totals;
  for (const bool resident : {false, true})
    for (const std::uint64_t memory : {std::uint64_t{0}, kPlenty}) {
      SCOPED_TRACE(std::to_string(resident) + " " + std::to_string(memory));
      const auto texts = run_in_children(1, [&](std::size_t) {
        return compare_engines(small_system(resident), {22, 30, 2000, memory});
      });
      expect_no_mismatch(texts[0], totals);
    }
  EXPECT_GT(totals.activated, 10000U);
}

TEST(DifferentialIdentity, ProtectedBuffers) {
  Totals totals;
  expect_same_of_protected(0, 24, 4, totals);
  EXPECT_GT(totals.faults, 20000U);
  EXPECT_LT(totals.full, totals.faults / 10) << "the engine resolves nearly all of them";
}

TEST(DifferentialIdentityLong, ProtectedBuffers) {
  Totals totals;
  expect_same_of_protected(500, 200, 8, totals);
  RecordProperty("faults", static_cast<int>(totals.faults));
}

TEST(DifferentialIdentityLong, SmallRandomSystems) {
  const Totals totals = expect_same_measurements(5000, 400, kSmall, 8);
  RecordProperty("faults", static_cast<int>(totals.faults));
}

TEST(DifferentialIdentityLong, LargerRandomSystems) {
  const Totals totals = expect_same_measurements(8000, 60, {}, 6);
  RecordProperty("faults", static_cast<int>(totals.faults));
}

}  // namespace
}  // namespace attnguard
