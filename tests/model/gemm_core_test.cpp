// Whole matrix products through the array core: the three dataflows give the same bits, both
// fidelities the same result for every fault, live bits are those that are read, and int8 products
// are exact.
#include "models/systolic_array/gemm_core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "src/selftest/simd_targets.h"
#include "tests/support/array_stream.h"
#include "tests/support/float_samples.h"
#include "tests/support/stationary_oracle.h"

namespace attnguard {
namespace {

constexpr std::array<Dataflow, 3> kDataflows{
    Dataflow::output_stationary, Dataflow::weight_stationary, Dataflow::input_stationary};

struct Product {
  std::uint32_t m = 0, n = 0, k = 0;
  Format operand = Format::bfloat16;
  std::vector<float> a, b;  ///< [k][m], [k][n]

  Product(std::mt19937& rng, std::uint32_t rows, std::uint32_t cols, std::uint32_t products,
          Format format, bool specials)
      : m(rows), n(cols), k(products), operand(format), a(k * m), b(k * n) {
    for (float& value : a) value = random_operand(rng, format, specials);
    for (float& value : b) value = random_operand(rng, format, specials);
  }
  /// [n][m], one sum at a time.
  std::vector<std::uint32_t> reference() const {
    std::vector<std::uint32_t> c;
    for (std::uint32_t j = 0; j < n; ++j)
      for (std::uint32_t i = 0; i < m; ++i) {
        float sum = 0;
        std::int64_t exact = 0;
        for (std::uint32_t p = 0; p < k; ++p) {
          const float product = a[p * m + i] * b[p * n + j];
          sum += product;
          if (operand == Format::int8) exact += static_cast<std::int64_t>(product);
        }
        c.push_back(operand == Format::int8
                        ? static_cast<std::uint32_t>(static_cast<std::uint64_t>(exact))
                        : bits_of_float(canonical(sum)));
      }
    return c;
  }
};

enum class Policy { serial, overlapped };

/// A product as the header says it is run.
class FoldedProduct {
 public:
  FoldedProduct(const Product& product, std::uint32_t rows, std::uint32_t cols, Dataflow dataflow,
                Policy policy)
      : product_(product), c_(product.n * product.m, -12345.0F) {
    config_.rows = rows;
    config_.cols = cols;
    config_.dataflow = dataflow;
    const bool whole_k = dataflow == Dataflow::output_stationary;
    const std::uint32_t k_step = whole_k ? product.k : rows;
    const std::uint32_t m_step = dataflow == Dataflow::weight_stationary  ? product.m
                                 : dataflow == Dataflow::input_stationary ? cols
                                                                          : rows;
    const std::uint32_t n_step = dataflow == Dataflow::input_stationary ? product.n : cols;
    const GemmCore core(config_, product.operand, Fidelity::cycle);
    for (std::uint32_t m0 = 0; m0 < product.m; m0 += m_step)
      for (std::uint32_t n0 = 0; n0 < product.n; n0 += n_step)
        for (std::uint32_t k0 = 0; k0 < product.k; k0 += k_step) {
          GemmFold fold;
          fold.m = std::min(m_step, product.m - m0);
          fold.n = std::min(n_step, product.n - n0);
          fold.k = std::min(k_step, product.k - k0);
          fold.a = product.a.data() + k0 * product.m + m0;
          fold.a_stride = product.m;
          fold.b = product.b.data() + k0 * product.n + n0;
          fold.b_stride = product.n;
          fold.c = c_.data() + n0 * product.m + m0;
          fold.c_stride = product.m;
          fold.sums = k0 > 0 ? fold.c : nullptr;
          fold.first_m = m0;
          fold.tile = {0, m0, n0};
          const GemmFold* before = folds_.empty() ? nullptr : &folds_.back();
          if (before == nullptr) {
            fold.start = core.preload_cycles();
          } else if (policy == Policy::serial) {
            fold.preload =
                (whole_k ? before->start : before->preload) + core.serial_cycles(*before);
            fold.start = fold.preload + core.preload_cycles();
          } else {
            fold.preload = core.earliest_preload(*before);
            fold.start = core.earliest_start(fold, *before);
          }
          folds_.push_back(fold);
        }
  }

  struct Result {
    std::vector<std::uint32_t> c;  ///< bits, [n][m]
    FaultOutcome outcome;
    LiveLog log;
  };
  /// The classes are declared anew, so ids are 0 to 3.
  Result run(Fidelity fidelity, const Fault* fault = nullptr, bool live = false) {
    GemmCore core(config_, product_.operand, fidelity);
    FaultUniverse universe;
    core.declare(universe, "array");
    classes_ = universe.classes();
    core.reset();
    if (fault != nullptr) core.arm(*fault);
    Result result;
    if (live) result.log.start();
    std::fill(c_.begin(), c_.end(), -12345.0F);
    std::size_t finished = 0;
    for (const GemmFold& fold : folds_) {
      while (finished < folds_.size() && &folds_[finished] < &fold &&
             core.last_cycle(folds_[finished]) < fold.preload)
        core.finish(folds_[finished++]);
      core.start(fold, result.log);
    }
    for (; finished < folds_.size(); ++finished) core.finish(folds_[finished]);
    for (const float value : c_) result.c.push_back(bits_of_float(value));
    result.outcome = core.outcome();
    return result;
  }
  std::uint64_t end() const {
    GemmCore core(config_, product_.operand, Fidelity::transaction);
    std::uint64_t last = 0;
    for (const GemmFold& fold : folds_) last = std::max(last, core.last_cycle(fold));
    return last;
  }
  const std::vector<GemmFold>& folds() const { return folds_; }
  const std::vector<RegisterClass>& classes() const { return classes_; }
  const ArrayConfig& config() const { return config_; }

 private:
  const Product& product_;
  ArrayConfig config_;
  std::vector<float> c_;
  std::vector<GemmFold> folds_;
  std::vector<RegisterClass> classes_;
};

struct Shape {
  std::uint32_t m, n, k, rows, cols;
};
Shape random_shape(std::mt19937& rng, std::uint32_t largest) {
  const auto up_to = [&](std::uint32_t most) {
    return static_cast<std::uint32_t>(1 + rng() % most);
  };
  return {up_to(largest), up_to(largest), up_to(largest), up_to(largest / 2), up_to(largest / 2)};
}

constexpr Format kOperands[] = {Format::bfloat16, Format::float16, Format::float32, Format::int8};

TEST(GemmCore, AllDataflowsFidelitiesAndPoliciesGiveTheBitsOfAPlainLoop) {
  std::mt19937 rng(1);
  for (int round = 0; round < 60; ++round) {
    const Shape s = random_shape(rng, round % 10 == 0 ? 150 : 40);
    const Product product(rng, s.m, s.n, s.k, kOperands[round % 4], round % 3 == 0);
    const std::vector<std::uint32_t> expected = product.reference();
    for (const Dataflow dataflow : kDataflows)
      for (const Policy policy : {Policy::serial, Policy::overlapped}) {
        FoldedProduct run(product, std::min(s.rows, 128u), std::min(s.cols, 128u), dataflow,
                          policy);
        EXPECT_EQ(run.run(Fidelity::transaction).c, expected);
        EXPECT_EQ(run.run(Fidelity::cycle).c, expected);
        if (HasFailure())
          FAIL() << s.m << "x" << s.n << "x" << s.k << " on " << s.rows << "x" << s.cols
                 << " dataflow " << static_cast<int>(dataflow) << " policy "
                 << static_cast<int>(policy) << " format " << round % 4;
      }
  }
}

TEST(GemmCore, Int8SumsWrapAtTwoToThe32) {
  constexpr std::uint32_t kDepth = 140'000;  // 140 000 · 2^14 > 2^31
  std::mt19937 rng(2);
  Product product(rng, 3, 2, kDepth, Format::int8, false);
  std::fill(product.a.begin(), product.a.end(), -128.0F);
  std::fill(product.b.begin(), product.b.end(), -128.0F);
  product.a[0] = 127.0F;
  const std::vector<std::uint32_t> expected = product.reference();
  EXPECT_EQ(expected[1], static_cast<std::uint32_t>(std::uint64_t{kDepth} << 14));
  EXPECT_GT(expected[1], 0x7fffffffu);
  for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Dataflow dataflow : kDataflows) {
      FoldedProduct run(product, 100, 4, dataflow, Policy::overlapped);
      EXPECT_EQ(run.run(Fidelity::transaction).c, expected);
    }
  });
  FoldedProduct run(product, 100, 4, Dataflow::weight_stationary, Policy::overlapped);
  EXPECT_EQ(run.run(Fidelity::cycle).c, expected);
}

TEST(GemmCore, SerialCyclesAreThoseOfScaleSim) {
  ArrayConfig config;
  config.rows = 8;
  config.cols = 4;
  GemmFold fold;
  fold.m = 33;
  fold.n = 20;
  fold.k = 7;
  const auto cycles = [&](Dataflow dataflow) {
    config.dataflow = dataflow;
    return GemmCore(config, Format::bfloat16, Fidelity::transaction).serial_cycles(fold);
  };
  EXPECT_EQ(cycles(Dataflow::output_stationary), 7u + 8 + 4 - 2);
  EXPECT_EQ(cycles(Dataflow::weight_stationary), 33u + 2 * 8 + 4 - 2);
  EXPECT_EQ(cycles(Dataflow::input_stationary), 20u + 2 * 8 + 4 - 2);
}

Fault random_fault(std::mt19937& rng, const FoldedProduct& run, std::uint32_t reg) {
  Fault fault;
  fault.site = {reg, static_cast<std::uint32_t>(rng() % run.classes()[reg].instances())};
  fault.bit = rng() % run.classes()[reg].bits;
  fault.bits_flipped = rng() % 4 == 0 ? 2 : 1;
  fault.cycle = rng() % (run.end() + 1);
  constexpr FaultModel kModels[] = {
      FaultModel::bit_flip,   FaultModel::bit_flip,   FaultModel::bit_flip,     FaultModel::carry,
      FaultModel::stuck_at_0, FaultModel::stuck_at_1, FaultModel::intermittent, FaultModel::probe};
  fault.how.model = kModels[rng() % 8];
  if (fault_class(fault.how.model) == FaultClass::permanent || fault.how.model == FaultModel::probe)
    fault.cycle = 0;
  fault.how.value = rng() % 2 != 0;
  fault.how.missing = rng() % 2 != 0;
  fault.how.period_cycles = 1 + rng() % 20;
  fault.how.duty_cycles = 1 + rng() % fault.how.period_cycles;
  fault.access = 1 + rng() % 20;
  return fault;
}

TEST(GemmCore, BothFidelitiesGiveTheSameResultForEveryFault) {
  std::mt19937 rng(4);
  std::map<std::pair<Dataflow, std::uint32_t>, int> activated;
  int faults = 0, changed = 0;
  for (int round = 0; round < 40; ++round) {
    const Shape s = random_shape(rng, 24);
    const Product product(rng, s.m, s.n, s.k, kOperands[round % 4], round % 3 == 0);
    for (const Dataflow dataflow : kDataflows) {
      FoldedProduct run(product, s.rows, s.cols, dataflow,
                        round % 2 == 0 ? Policy::serial : Policy::overlapped);
      const auto clean = run.run(Fidelity::transaction).c;
      for (std::uint32_t reg = 0; reg < 4; ++reg)
        for (int n = 0; n < 25; ++n, ++faults) {
          const Fault fault = random_fault(rng, run, reg);
          const FoldedProduct::Result cycle = run.run(Fidelity::cycle, &fault);
          const FoldedProduct::Result transaction = run.run(Fidelity::transaction, &fault);
          ASSERT_EQ(cycle.c, transaction.c);
          const FaultOutcome &a = cycle.outcome, &b = transaction.outcome;
          ASSERT_EQ(a.activated, b.activated);
          if (!a.activated) continue;
          ASSERT_EQ(std::tie(a.activate_cycle, a.value_before, a.value_after, a.place.query_row),
                    std::tie(b.activate_cycle, b.value_before, b.value_after, b.place.query_row));
          ++activated[{dataflow, reg}];
          changed += cycle.c != clean ? 1 : 0;
        }
    }
  }
  EXPECT_EQ(faults, 12000);
  EXPECT_GT(changed, 3000);
  EXPECT_EQ(activated.size(), 12u);
  for (const auto& [where, count] : activated) EXPECT_GT(count, 60) << where.second;
}

/// A faulty value of C is in the rows and columns that the register reaches.
TEST(GemmCore, ErrorsShowTheRegister) {
  std::mt19937 rng(5);
  const Product product(rng, 9, 7, 8, Format::int8, false);
  for (const Dataflow dataflow : {Dataflow::weight_stationary, Dataflow::input_stationary}) {
    FoldedProduct run(product, 4, 4, dataflow, Policy::overlapped);
    const auto clean = run.run(Fidelity::transaction).c;
    int seen = 0;
    for (int n = 0; n < 600; ++n) {
      run.run(Fidelity::transaction);  // declares
      const std::uint32_t reg = rng() % 4;
      Fault fault;
      fault.site = {reg, static_cast<std::uint32_t>(rng() % 16)};
      fault.bit = rng() % 8;
      fault.cycle = rng() % run.end();
      const auto c = run.run(Fidelity::cycle, &fault).c;
      std::set<std::uint32_t> rows, cols;
      for (std::uint32_t i = 0; i < c.size(); ++i)
        if (c[i] != clean[i]) {
          rows.insert(i % product.m);
          cols.insert(i / product.m);
        }
      if (rows.empty()) continue;
      ++seen;
      const std::string& path = run.classes()[reg].path;
      const bool weights = dataflow == Dataflow::weight_stationary;
      const auto& across = weights ? rows : cols;  // steps
      const auto& along = weights ? cols : rows;   // array columns
      if (path.find("sum") != std::string::npos) {
        EXPECT_EQ(rows.size() * cols.size(), 1u);
      } else if (path.find("west") != std::string::npos) {
        EXPECT_EQ(across.size(), 1u);
        EXPECT_LE(along.size(), 4 - fault.site.index % 4);
      } else {
        EXPECT_EQ(along.size(), 1u);
      }
    }
    EXPECT_GT(seen, 150);
  }
}

TEST(GemmCore, LiveCellsAreThoseThatAreReadLater) {
  std::mt19937 rng(6);
  for (int round = 0; round < 12; ++round) {
    const Shape s = random_shape(rng, 12);
    const Product product(rng, s.m, s.n, s.k, kOperands[round % 4], false);
    for (const Dataflow dataflow : kDataflows) {
      FoldedProduct run(product, s.rows, s.cols, dataflow,
                        round % 2 == 0 ? Policy::serial : Policy::overlapped);
      const FoldedProduct::Result recorded = run.run(Fidelity::transaction, nullptr, true);
      // A flip of bit 0 is activated exactly in the live cells.
      std::map<std::tuple<RegisterId, std::uint32_t, std::uint64_t>, int> live;
      for (const LiveBlock& block : recorded.log.blocks()) {
        EXPECT_EQ(block.bits(), run.classes()[block.reg].bits);
        for (std::uint32_t i = 0; i < block.count[0]; ++i)
          for (std::uint32_t j = 0; j < block.count[1]; ++j) {
            const auto index = static_cast<std::uint32_t>(block.index + i * block.index_step[0] +
                                                          j * block.index_step[1]);
            const std::uint64_t start = block.start +
                                        i * static_cast<std::uint64_t>(block.start_step[0]) +
                                        j * static_cast<std::uint64_t>(block.start_step[1]);
            for (std::uint64_t t = 0; t < block.length_at(i, j, 0); ++t)
              ++live[{block.reg, index, start + t}];
          }
      }
      for (int n = 0; n < 400; ++n) {
        Fault fault;
        const std::uint32_t reg = rng() % 4;
        fault.site = {reg, static_cast<std::uint32_t>(rng() % run.classes()[reg].instances())};
        fault.cycle = rng() % (run.end() + 1);
        const auto cell = live.find({reg, fault.site.index, fault.cycle});
        ASSERT_EQ(run.run(Fidelity::cycle, &fault).outcome.activated, cell != live.end());
        if (cell != live.end()) {
          ASSERT_EQ(cell->second, 1) << "counted twice";
        }
      }
    }
  }
}

/// Every cell, against the reads of the per-PE oracle.
TEST(GemmCore, LiveBoxesEqualTheOraclesReadsCellByCell) {
  std::mt19937 rng(7);
  int cells = 0, live_cells = 0;
  for (int round = 0; round < 16; ++round) {
    const Shape s = random_shape(rng, 16);
    const Product product(rng, s.m, s.n, s.k, Format::float32, false);
    for (const Dataflow dataflow : {Dataflow::weight_stationary, Dataflow::input_stationary}) {
      FoldedProduct run(product, s.rows, s.cols, dataflow,
                        round % 2 == 0 ? Policy::serial : Policy::overlapped);
      const FoldedProduct::Result recorded = run.run(Fidelity::transaction, nullptr, true);
      std::vector<float> out(product.m * product.n);
      std::vector<StationaryFold> folds;
      for (const GemmFold& fold : run.folds()) {
        const bool weights = dataflow == Dataflow::weight_stationary;
        StationaryFold same;
        same.preload = fold.preload;
        same.start = fold.start;
        same.rows = fold.k;
        same.steps = weights ? fold.m : fold.n;
        same.cols = weights ? fold.n : fold.m;
        same.stationary = weights ? fold.b : fold.a;
        same.stationary_stride = weights ? fold.b_stride : fold.a_stride;
        same.moving = weights ? fold.a : fold.b;
        same.moving_stride = weights ? fold.a_stride : fold.b_stride;
        same.stationary_format = same.moving_format = Format::float32;
        same.step_stride = weights ? 1 : fold.c_stride;
        same.col_stride = weights ? fold.c_stride : 1;
        same.out = out.data() + (fold.c - run.folds()[0].c);
        same.sums = fold.sums == nullptr ? nullptr : same.out;
        folds.push_back(same);
      }
      StationaryOracle oracle(s.rows, s.cols);
      // A register is live in a cycle if its next read comes before its next write: walk back.
      struct Seen {
        std::vector<std::vector<bool>> written;  // [cycle][instance]
      };
      const std::array<ArrayRegister, 4> registers{ArrayRegister::west, ArrayRegister::stationary,
                                                   ArrayRegister::preload, ArrayRegister::sum};
      const std::size_t pes = std::size_t{s.rows} * s.cols;
      std::array<Seen, 4> seen;
      oracle.run(folds, nullptr, [&](std::uint64_t) {
        for (std::size_t r = 0; r < 4; ++r) {
          seen[r].written.emplace_back(pes);
          for (std::uint32_t pe = 0; pe < pes; ++pe)
            seen[r].written.back()[pe] = oracle.written(registers[r], pe / s.cols, pe % s.cols);
        }
      });
      for (std::size_t r = 0; r < 4; ++r) {
        const std::uint64_t cycles = seen[r].written.size();
        std::vector<std::vector<int>> live(cycles, std::vector<int>(pes));
        for (const LiveBlock& block : recorded.log.blocks()) {
          if (block.reg != r) continue;
          for (std::uint32_t i = 0; i < block.count[0]; ++i)
            for (std::uint32_t j = 0; j < block.count[1]; ++j)
              for (std::uint64_t t = 0; t < block.length_at(i, j, 0); ++t)
                ++live.at(block.start + i + j + t).at(block.index + i * s.cols + j);
        }
        std::vector<bool> needed(pes);
        for (std::uint64_t cycle = cycles; cycle-- > 0;) {
          // After the update of `cycle`: read in a later cycle before it is written in an earlier
          // one.
          for (std::uint32_t pe = 0; pe < pes; ++pe) {
            ASSERT_EQ(live[cycle][pe], needed[pe] ? 1 : 0)
                << "register " << r << " pe " << pe << " cycle " << cycle;
            ++cells;
            live_cells += live[cycle][pe];
          }
          for (std::uint32_t pe = 0; pe < pes; ++pe)
            if (seen[r].written[cycle][pe]) needed[pe] = false;
          if (cycle < oracle.reads(registers[r]).size())
            for (const auto& [row, col] : oracle.reads(registers[r])[cycle])
              needed[row * s.cols + col] = true;
        }
      }
    }
  }
  EXPECT_GT(live_cells, 20000);
  EXPECT_GT(cells, 2 * live_cells);
}

TEST(GemmCore, AnOutputStationaryFoldHasNoSumsBefore) {
  ArrayConfig config;
  GemmCore core(config, Format::bfloat16, Fidelity::transaction);
  const std::vector<float> ones(16, 1.0F);
  std::vector<float> c(16);
  GemmFold fold;
  fold.m = fold.n = fold.k = 2;
  fold.a = fold.b = ones.data();
  fold.a_stride = fold.b_stride = fold.c_stride = 2;
  fold.sums = fold.c = c.data();
  LiveLog log;
  EXPECT_THROW(core.start(fold, log), std::logic_error);
}

}  // namespace
}  // namespace attnguard
