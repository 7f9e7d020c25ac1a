#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "src/campaign/faults/plan.h"
#include "src/campaign/faults/population.h"
#include "src/campaign/faults/random_stream.h"
#include "src/config/user_error.h"
#include "tests/support/toy_hardware.h"

namespace attnguard {
namespace {

using Cell = std::tuple<RegisterId, std::uint32_t, std::uint32_t,
                        std::uint64_t>;  // class, instance, bit, cycle

Cell cell_of(const Fault& fault) {
  return {fault.site.reg, fault.site.index, fault.bit, fault.cycle};
}

// Every live cell whose name is accepted, enumerated the slow way; links count lanes in the bit.
template <class Accept>
std::set<Cell> live_cells(const ToyHardware& toy, Accept accept) {
  std::set<Cell> cells;
  for (const LiveBlock& block : toy.blocks) {
    const RegisterClass& cls = toy.universe[block.reg];
    for (int i = 0; i < static_cast<int>(block.count[0]); ++i)
      for (int j = 0; j < static_cast<int>(block.count[1]); ++j)
        for (int k = 0; k < static_cast<int>(block.count[2]); ++k) {
          const auto at = [&](std::int64_t base, const std::array<std::int64_t, 3>& step) {
            return base + i * step[0] + j * step[1] + k * step[2];
          };
          const auto index = static_cast<std::uint32_t>(at(block.index, block.index_step));
          const auto start = static_cast<std::uint64_t>(
              at(static_cast<std::int64_t>(block.start), block.start_step));
          const std::int64_t length = at(block.length, block.length_step);
          for (std::int64_t t = 0; t < length; ++t)
            for (std::uint32_t bit = 0; bit < block.bits(); ++bit) {
              const bool link = cls.kind == StorageKind::link;
              const Site site{block.reg, link ? 0 : index};
              if (accept(toy.universe.name(site)))
                cells.insert({site.reg, site.index, link ? index * cls.bits + bit : bit,
                              start + static_cast<std::uint64_t>(t)});
            }
        }
  }
  return cells;
}

CampaignPlan make_plan(const ToyHardware& toy, const CampaignConfig& config,
                       std::uint64_t seed = 1) {
  return {config, seed, toy.origin, toy.universe, toy.blocks, toy.cycles};
}

std::string error_of(const ToyHardware& toy, const CampaignConfig& config) {
  try {
    make_plan(toy, config);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(RandomStream, IsPhilox4x32With10Rounds) {
  // Random123's known answer for an all-zero counter and key: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
  RandomStream random(0, 0, 0);
  EXPECT_EQ(random.below(1ULL << 63), 0x6627e8d5e169c58dULL);
  EXPECT_EQ(random.below(1ULL << 63), 0xbc57ac4c9b00dbd8ULL & ~(1ULL << 63));
}

TEST(RandomStream, DiffersBySeedStreamAndDraw) {
  std::set<std::uint64_t> values;
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    for (std::uint64_t stream = 0; stream < 4; ++stream)
      for (std::uint64_t draw = 0; draw < 4; ++draw)
        values.insert(RandomStream(seed << 32, stream << 32, draw).below(1ULL << 63));
  EXPECT_EQ(values.size(), 64U);
}

TEST(RandomStream, DrawsHaveNoValueInCommonHoweverManyTheyTake) {
  std::set<std::uint64_t> values;
  for (std::uint64_t draw = 0; draw < 8; ++draw) {
    RandomStream random(1, 2, draw);
    for (int n = 0; n < 8; ++n) values.insert(random.below(1ULL << 63));
  }
  EXPECT_EQ(values.size(), 64U);
}

TEST(Population, HoldsExactlyTheLiveCells) {
  const ToyHardware toy = toy_hardware();
  const auto strata =
      live_strata(toy.universe, select_sites(toy.universe, {"*"}, toy.origin), toy.blocks);
  std::uint64_t sum = 0;
  std::set<std::string> names;
  for (const Stratum& stratum : strata) {
    sum += stratum.live_bit_cycles();
    names.insert(stratum.name());
  }
  EXPECT_EQ(sum, live_cells(toy, [](const std::string&) { return true; }).size());
  EXPECT_EQ(names.count("array.pe[*][*].acc/exponent"), 1U);
  EXPECT_EQ(names.count("line.done.dma/control"), 1U);
  EXPECT_EQ(names.count("line.done.dma/sign"), 0U);
}

// A sum of five cycles in each of three registers, and one written once: 8 bits of exponent and 23
// of mantissa, the sign is no digit.
TEST(Population, OfAdditionsHoldsTheDigitsOfEverySum) {
  FaultUniverse universe;
  RegisterClass cls{"acc[{}]", {3}, 32};
  cls.adder = Adder::per_cycle;
  const RegisterId acc = universe.declare(cls);
  cls = {"sum", {}, 32};
  cls.adder = Adder::per_write;
  const RegisterId sum = universe.declare(cls);
  const std::vector<LiveBlock> blocks{{acc, Format::float32, 0, 10, 5, {3, 1, 1}, {1, 0, 0}},
                                      {sum, Format::float32, 0, 20, 7}};
  std::map<std::string, std::uint64_t> sizes;
  for (const Stratum& stratum : addition_strata(universe, {{acc, 3, {}}, {sum, 1, {}}}, blocks))
    sizes[stratum.name()] = stratum.live_bit_cycles();
  const std::map<std::string, std::uint64_t> expected{{"acc[*]/exponent", 3U * 5 * 8},
                                                      {"acc[*]/mantissa", 3U * 5 * 23},
                                                      {"sum/exponent", 8},
                                                      {"sum/mantissa", 23}};
  EXPECT_EQ(sizes, expected);
}

TEST(Population, OfPermanentFaultsHoldsEveryBitOfEveryLane) {
  const ToyHardware toy = toy_hardware();
  const auto strata =
      permanent_strata(toy.universe, select_sites(toy.universe, {"link.*"}, toy.origin));
  ASSERT_EQ(strata.size(), 1U);
  EXPECT_EQ(strata[0].live_bit_cycles(), 3U * 32);
  std::set<std::uint32_t> bits;
  for (std::uint64_t draw = 0; draw < 2000; ++draw) {
    RandomStream random(1, 2, draw);
    LiveBlock block;
    bits.insert(strata[0].draw(random, block).bit);
  }
  EXPECT_EQ(bits.size(), 3U * 32);
  EXPECT_EQ(*bits.rbegin(), 3U * 32 - 1);
}

TEST(Population, OfAGlobHoldsOnlyTheSitesItMatches) {
  const ToyHardware toy = toy_hardware();
  for (const std::string glob :
       {"array.pe[1][*].acc", "array.pe[*][2].acc", "k_buffer.word[6]", "link.*", "*[1]*"}) {
    const auto expected =
        live_cells(toy, [&](const std::string& name) { return glob_matches(glob, name); });
    const auto strata =
        live_strata(toy.universe, select_sites(toy.universe, {glob}, toy.origin), toy.blocks);
    std::uint64_t sum = 0;
    std::set<Cell> drawn;
    LiveBlock block;
    for (const Stratum& stratum : strata) {
      sum += stratum.live_bit_cycles();
      for (std::uint64_t draw = 0; draw < 40 * stratum.live_bit_cycles(); ++draw) {
        RandomStream random(3, stable_hash(stratum.name()), draw);
        drawn.insert(cell_of(stratum.draw(random, block)));
      }
    }
    EXPECT_EQ(sum, expected.size()) << glob;
    EXPECT_EQ(drawn, expected) << glob;  // 40 draws per cell miss one with probability e^-40
  }
}

TEST(Population, DrawsEveryLiveCellEquallyOften) {
  const ToyHardware toy = toy_hardware();
  CampaignConfig config;
  config.sampling = Sampling::uniform;
  config.sites = {"array.*", "k_buffer.*", "link.*", "line.done.*"};
  const auto cells = live_cells(toy, [](const std::string& name) {
    return name.rfind("checksum", 0) != 0 && name != "line.alarm.a";
  });
  config.injections = 50 * cells.size();
  const CampaignPlan plan = make_plan(toy, config);
  ASSERT_EQ(plan.strata().size(), 1U);
  EXPECT_EQ(plan.strata()[0].live_bit_cycles, cells.size());
  std::map<Cell, std::uint64_t> counts;
  for (std::uint64_t i = 0; i < plan.size(); ++i) ++counts[cell_of(plan.injection(i).fault)];
  EXPECT_EQ(counts.size(), cells.size());
  double chi_squared = 0;
  for (const auto& [cell, count] : counts) {
    ASSERT_EQ(cells.count(cell), 1U);
    const double deviation = static_cast<double>(count) - 50;
    chi_squared += deviation * deviation / 50;
  }
  // Mean n − 1, standard deviation sqrt(2 (n − 1)): five of them.
  const auto degrees = static_cast<double>(cells.size() - 1);
  EXPECT_NEAR(chi_squared, degrees, 5 * std::sqrt(2 * degrees));
}

TEST(Plan, AddingACheckerLeavesTheFunctionFaultsAsTheyWere) {
  CampaignConfig config;
  config.injections = 1000;
  for (const Sampling sampling : {Sampling::stratified, Sampling::uniform}) {
    config.sampling = sampling;
    const ToyHardware without = toy_hardware(false), with = toy_hardware(true);
    const CampaignPlan plain = make_plan(without, config), guarded = make_plan(with, config);
    std::uint64_t function_faults = 0;
    for (std::uint64_t i = 0; i < guarded.size(); ++i) {
      const Fault a = guarded.injection(i).fault;
      if (with.universe[a.site.reg].domain != Domain::function) continue;
      ++function_faults;
      const Fault b = plain.injection(i).fault;
      EXPECT_EQ(with.universe.name(a.site), without.universe.name(b.site));
      EXPECT_EQ(std::tie(a.bit, a.cycle), std::tie(b.bit, b.cycle));
    }
    EXPECT_EQ(function_faults, 900U);  // 1000 − floor(1000 × 0.1)
  }
}

TEST(Plan, StratifiedSharesDrawsEquallyAndWeighsByPopulation) {
  const ToyHardware toy = toy_hardware();
  CampaignConfig config;
  config.injections = 1003;
  const CampaignPlan plan = make_plan(toy, config);
  std::vector<std::uint64_t> draws(plan.strata().size());
  bool function = true;
  for (std::uint64_t i = 0; i < plan.size(); ++i) {
    const Injection injection = plan.injection(i);
    ++draws[injection.stratum];
    const bool is_function = plan.strata()[injection.stratum].domain == Domain::function;
    EXPECT_TRUE(function || !is_function) << "function rows come first";
    function = is_function;
  }
  for (std::size_t h = 0; h < draws.size(); ++h) {
    EXPECT_EQ(draws[h], plan.strata()[h].draws);
    EXPECT_DOUBLE_EQ(plan.strata()[h].weight * static_cast<double>(draws[h]),
                     static_cast<double>(plan.strata()[h].live_bit_cycles));
  }
}

TEST(Plan, ExhaustiveVisitsEveryBitOfEverySiteInEveryCycleOnce) {
  const ToyHardware toy = toy_hardware();
  CampaignConfig config;
  config.sampling = Sampling::exhaustive;
  config.sites = {"array.pe[*][1].acc", "link.*"};
  const CampaignPlan plan = make_plan(toy, config);
  EXPECT_EQ(plan.size(), (2 * 32 + 96) * toy.cycles);
  std::set<Cell> cells;
  for (std::uint64_t i = 0; i < plan.size(); ++i) cells.insert(cell_of(plan.injection(i).fault));
  EXPECT_EQ(cells.size(), plan.size());
  EXPECT_EQ(cells.count({0, 4, 31, 59}), 1U);  // array.pe[1][1]
  EXPECT_TRUE(plan.census());
}

TEST(Plan, ScattersAsManyBitsAsAskedOverTheRegisterOrLane) {
  const ToyHardware toy = toy_hardware();
  CampaignConfig config;
  config.injections = 2000;
  config.models[0].bits = 3;
  config.models[0].scattered = true;
  const CampaignPlan plan(config, 1, toy.origin, toy.universe, toy.blocks, toy.cycles);
  std::set<std::uint64_t> word_masks;
  for (std::uint64_t i = 0; i < plan.size(); ++i) {
    Fault fault = plan.injection(i).fault;
    const RegisterClass& cls = toy.universe[fault.site.reg];
    fault.bit %= cls.bits;
    EXPECT_EQ(std::bitset<64>(fault.mask()).count(), std::min(3U, cls.bits));
    EXPECT_EQ(fault.mask() >> cls.bits, 0U) << cls.path;
    if (cls.kind == StorageKind::sram) word_masks.insert(fault.mask());
  }
  EXPECT_GT(word_masks.size(), 150U) << "of 560";
}

TEST(Plan, ClipsWideFlipsToTheRegisterOrLane) {
  const ToyHardware toy = toy_hardware();
  CampaignConfig config;
  config.faults = {{"array.pe[0][0].acc", 30, 1, 4},
                   {"link.array_to_softmax.data", 33, 41, 64},
                   {"k_buffer.word[7]", 2, 3, 2}};
  const CampaignPlan plan = make_plan(toy, config);
  EXPECT_EQ(plan.injection(0).fault.bits_flipped, 2U);
  EXPECT_EQ(plan.injection(1).fault.bits_flipped, 31U);
  EXPECT_EQ(plan.injection(2).fault.bits_flipped, 2U);
  EXPECT_EQ(plan.injection(2).fault.site.index, 7U);
}

TEST(Plan, DrawsFaultModelsByTheirWeight) {
  const ToyHardware toy = toy_hardware();
  CampaignConfig config;
  config.injections = 6000;
  config.sites = {"k_buffer.word[*]"};
  config.models = {{FaultModel::bit_flip, 1, 1}, {FaultModel::bit_flip, 2, 3}};
  config.sampling = Sampling::uniform;
  const CampaignPlan plan = make_plan(toy, config);
  std::uint64_t wide = 0, clipped = 0;
  for (std::uint64_t i = 0; i < plan.size(); ++i) {
    wide += plan.injection(i).fault.bits_flipped == 2;
    clipped += plan.injection(i).fault.bit == 15;
  }
  // Three quarters of the draws, less the sixteenth of them at bit 15: 4218.75, five standard
  // deviations of 35.4.
  EXPECT_NEAR(static_cast<double>(wide), 6000 * 0.75 * 15 / 16, 5 * 35.4);
  EXPECT_GT(clipped, 0U);
}

TEST(Plan, RejectsWhatIsNotThere) {
  const ToyHardware toy = toy_hardware();
  CampaignConfig config;
  config.sites = {"*", "aray.pe[*][*].acc"};
  EXPECT_EQ(error_of(toy, config),
            "toy.json#/campaign/sites/1: \"aray.pe[*][*].acc\"; a glob that matches a site; the "
            "nearest class is array.pe[*][*].acc, "
            "indices below 2 and 3; `attnguard sites` lists them");
  config = {};
  config.faults = {{"k_buffer.word[0]", 0, 59, 1}, {"k_buffer.word[8]", 0, 0, 1}};
  EXPECT_EQ(error_of(toy, config),
            "toy.json#/campaign/faults/1/site: \"k_buffer.word[8]\"; a site; the nearest class is "
            "k_buffer.word[*], indices below 8; `attnguard sites` lists them");
  config.faults = {{"k_buffer.word[0]", 16, 0, 1}};
  EXPECT_EQ(error_of(toy, config),
            "toy.json#/campaign/faults/0/bit: 16; a bit of the site, 0 to 15");
  config.faults = {{"k_buffer.word[0]", 0, 0, 1}, {"k_buffer.word[0]", 0, 60, 1}};
  EXPECT_EQ(error_of(toy, config),
            "toy.json#/campaign/faults/1/cycle: 60; a cycle of the run, 0 to 59");
  config = {};
  config.models.clear();
  EXPECT_EQ(error_of(toy, config), "toy.json#/campaign/models: []; at least one fault model");
}

}  // namespace
}  // namespace attnguard
