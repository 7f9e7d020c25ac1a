#include "tests/support/pe_array_oracle.h"

#include <algorithm>
#include <deque>
#include <ostream>
#include <stdexcept>
#include <string>
#include <systemc>

#include "tests/support/float_samples.h"

namespace attnguard {

namespace {

// What travels on an operand wire. The value is kept as bits: a signal must tell −0 from +0 and NaN
// from itself.
struct Operand {
  std::uint32_t bits = 0;
  bool valid = false, first = false, last = false;
  bool flipped = false;          // the fault sits in this very register
  std::uint16_t lanes_left = 0;  // PEs still to reach, this one included
  const ArrayPass* pass = nullptr;

  bool operator==(const Operand& o) const {
    return bits == o.bits && valid == o.valid && first == o.first && last == o.last &&
           flipped == o.flipped && lanes_left == o.lanes_left && pass == o.pass;
  }
  friend std::ostream& operator<<(std::ostream& os, const Operand& o) {
    return os << std::hex << o.bits;
  }
  friend void sc_trace(sc_core::sc_trace_file* file, const Operand& o, const std::string& name) {
    sc_core::sc_trace(file, o.bits, name);
  }
};

// Shared by all modules of one array.
struct Bench {
  std::int64_t cycle = 0;  // of the clock edge being processed
  const ArrayFault* flip = nullptr;
  FaultOutcome outcome;
  FaultOutcome landed;                  // as it will be if the flipped bits are read
  std::vector<std::int64_t> bus_cycle;  // last use of each column bus
  std::uint64_t delivered = 0;

  bool flips_now(ArrayRegister which, std::uint32_t row, std::uint32_t col) const {
    return flip != nullptr && flip->which == which && flip->row == row && flip->col == col &&
           static_cast<std::int64_t>(flip->cycle) == cycle;
  }
  // Flips the bits of a value that the format has; true if there are any.
  bool hit(float& value, Format format, const ArrayPass* pass, bool per_row) {
    const auto width_mask = static_cast<std::uint32_t>((std::uint64_t{1} << bits_of(format)) - 1);
    const std::uint32_t before = encode(format, value);
    const std::uint32_t after = before ^ (flip->mask & width_mask);
    landed = {};
    landed.value_before = before;
    landed.value_after = after;
    if (pass != nullptr) {
      landed.place = pass->base;
      landed.place.query_row =
          per_row ? pass->base.query_row + static_cast<std::int32_t>(flip->row) : -1;
    }
    value = decode(format, after);
    return after != before;
  }
  void flipped_bits_read() {
    if (outcome.activated) return;
    outcome = landed;
    outcome.activated = true;
    outcome.activate_cycle = static_cast<std::uint64_t>(cycle);
  }
};

struct Pe final : sc_core::sc_module {
  sc_core::sc_in<bool> clock{"clock"};
  sc_core::sc_in<Operand> west_in{"west_in"}, north_in{"north_in"};
  sc_core::sc_out<Operand> west_out{"west_out"}, north_out{"north_out"};  // the operand registers

  SC_HAS_PROCESS(Pe);
  Pe(sc_core::sc_module_name name, Bench& bench, std::uint32_t row, std::uint32_t col)
      : sc_module(name), bench_(bench), row_(row), col_(col) {
    SC_METHOD(clock_method);
    sensitive << clock.pos();
    dont_initialize();
  }

  float acc() const { return acc_; }
  float drain() const { return drain_; }

 private:
  static Format sum_format(const ArrayPass* pass) {
    return pass != nullptr && pass->west_format == Format::int8 ? Format::int32 : Format::float32;
  }
  void clock_method() {
    const Operand west = west_out.read(), north = north_out.read();
    if (drain_full_) deliver();
    drain_full_ = acc_final_;
    if (acc_final_) copy_to_drain();
    acc_final_ = false;
    if (west.valid && north.valid) multiply(west, north);
    latch(west, west_in.read(), west_out, ArrayRegister::west);
    latch(north, north_in.read(), north_out, ArrayRegister::north);
    if (bench_.flips_now(ArrayRegister::acc, row_, col_)) {
      acc_flipped_ = bench_.hit(acc_, sum_format(acc_pass_), acc_pass_, true);
    }
    if (bench_.flips_now(ArrayRegister::drain, row_, col_)) {
      drain_flipped_ = bench_.hit(drain_, sum_format(drain_pass_), drain_pass_, true);
    }
  }

  void deliver() {
    if (bench_.bus_cycle[col_] == bench_.cycle)
      throw std::runtime_error("two drains on one column bus");
    bench_.bus_cycle[col_] = bench_.cycle;
    ++bench_.delivered;
    drain_pass_->out[col_ * drain_pass_->out_stride + row_] = drain_;
    if (drain_flipped_) bench_.flipped_bits_read();
  }

  void copy_to_drain() {
    if (acc_flipped_) bench_.flipped_bits_read();
    drain_ = sum_format(acc_pass_) == Format::int32 ? acc_ : canonical(acc_);
    drain_pass_ = acc_pass_;
    drain_flipped_ = false;
  }

  void multiply(const Operand& west, const Operand& north) {
    if (west.flipped || north.flipped) bench_.flipped_bits_read();
    if (!west.first && acc_flipped_) bench_.flipped_bits_read();
    acc_flipped_ = false;
    const float product = float_of(west.bits) * float_of(north.bits);
    if (sum_format(west.pass) == Format::int32)
      acc_ = float_of((west.first ? 0 : bits_of_float(acc_)) +
                      static_cast<std::uint32_t>(static_cast<std::int32_t>(product)));
    else
      acc_ = (west.first ? 0.0F : acc_) + product;
    acc_final_ = west.last;
    acc_pass_ = west.pass;
  }

  void latch(const Operand& held, const Operand& offered, sc_core::sc_out<Operand>& out,
             ArrayRegister which) {
    Operand next = held;
    next.valid = offered.valid && offered.lanes_left > 0;
    if (next.valid) {
      // What leaves the neighbour is a read of its register; only this register's own fault is
      // marked here.
      if (offered.flipped) bench_.flipped_bits_read();
      next = offered;
      next.flipped = false;
      --next.lanes_left;
    }
    if (bench_.flips_now(which, row_, col_)) {
      const bool is_west = which == ArrayRegister::west;
      const Format format = next.pass == nullptr ? Format::float32
                            : is_west            ? next.pass->west_format
                                                 : next.pass->north_format;
      float value = float_of(next.bits);
      next.flipped = bench_.hit(value, format, next.pass, is_west);
      next.bits = bits_of_float(value);
    }
    out.write(next);
  }

  Bench& bench_;
  const std::uint32_t row_, col_;
  float acc_ = 0, drain_ = 0;
  bool acc_final_ = false, drain_full_ = false;
  bool acc_flipped_ = false, drain_flipped_ = false;
  const ArrayPass* acc_pass_ = nullptr;
  const ArrayPass* drain_pass_ = nullptr;
};

// Drives one edge wire; the operand offered in one cycle is latched by the PE in the next.
struct Feeder final : sc_core::sc_module {
  sc_core::sc_in<bool> clock{"clock"};
  sc_core::sc_out<Operand> out{"out"};

  SC_HAS_PROCESS(Feeder);
  Feeder(sc_core::sc_module_name name, const Bench& bench) : sc_module(name), bench_(bench) {
    SC_METHOD(clock_method);
    sensitive << clock.pos();
    dont_initialize();
  }
  void queue(std::int64_t cycle, const Operand& operand) { queue_.emplace_back(cycle, operand); }

 private:
  void clock_method() {
    if (!queue_.empty() && queue_.front().first == bench_.cycle + 1) {
      out.write(queue_.front().second);
      queue_.pop_front();
    } else {
      out.write(Operand{});
    }
  }
  const Bench& bench_;
  std::deque<std::pair<std::int64_t, Operand>> queue_;
};

}  // namespace

// Its clock runs only while asked to, so idle arrays cost nothing.
struct PeArrayOracle::Impl final : sc_core::sc_module {
  SC_HAS_PROCESS(Impl);
  Impl(sc_core::sc_module_name name, std::uint32_t rows_in, std::uint32_t cols_in)
      : sc_module(name),
        rows(rows_in),
        cols(cols_in),
        west("west", rows * (cols + 1)),
        north("north", (rows + 1) * cols) {
    bench.bus_cycle.assign(cols, -2);
    for (std::uint32_t i = 0; i < rows; ++i) {
      for (std::uint32_t j = 0; j < cols; ++j) {
        auto& pe =
            *pes.emplace_back(std::make_unique<Pe>(sc_core::sc_gen_unique_name("pe"), bench, i, j));
        pe.clock(clock);
        pe.west_in(west[i * (cols + 1) + j]);
        pe.west_out(west[i * (cols + 1) + j + 1]);
        pe.north_in(north[i * cols + j]);
        pe.north_out(north[(i + 1) * cols + j]);
      }
    }
    for (std::uint32_t i = 0; i < rows; ++i) add_feeder(west_feeders, west[i * (cols + 1)]);
    for (std::uint32_t j = 0; j < cols; ++j) add_feeder(north_feeders, north[j]);
    SC_METHOD(clock_method);
    sensitive << half_cycle;
    dont_initialize();
  }

  void add_feeder(std::vector<std::unique_ptr<Feeder>>& feeders,
                  sc_core::sc_signal<Operand>& wire) {
    auto& feeder = *feeders.emplace_back(
        std::make_unique<Feeder>(sc_core::sc_gen_unique_name("feeder"), bench));
    feeder.clock(clock);
    feeder.out(wire);
  }

  void clock_method() {
    const bool rising = !clock.read();
    clock.write(rising);
    if (rising) {
      half_cycle.notify(0.5, sc_core::SC_NS);
      return;
    }
    if (after_cycle && bench.cycle >= 0) after_cycle(static_cast<std::uint64_t>(bench.cycle));
    if (++bench.cycle < end_cycle) half_cycle.notify(0.5, sc_core::SC_NS);
  }

  void queue(const ArrayPass& pass) {
    for (std::uint32_t k = 0; k < pass.depth; ++k) {
      Operand operand;
      operand.valid = true;
      operand.first = k == 0;
      operand.last = k + 1 == pass.depth;
      operand.pass = &pass;
      const auto cycle = static_cast<std::int64_t>(pass.start + k);
      for (std::uint32_t i = 0; i < pass.rows; ++i) {
        operand.bits = bits_of_float(pass.west[k * pass.west_stride + i]);
        operand.lanes_left = static_cast<std::uint16_t>(pass.cols);
        west_feeders[i]->queue(cycle + i, operand);
      }
      for (std::uint32_t j = 0; j < pass.cols; ++j) {
        operand.bits = bits_of_float(pass.north[k * pass.north_stride + j]);
        operand.lanes_left = static_cast<std::uint16_t>(pass.rows);
        north_feeders[j]->queue(cycle + j, operand);
      }
    }
  }

  const std::uint32_t rows, cols;
  Bench bench;
  sc_core::sc_signal<bool> clock{"clock"};
  sc_core::sc_event half_cycle{"half_cycle"};
  sc_core::sc_vector<sc_core::sc_signal<Operand>> west,
      north;  // [rows][cols + 1], [rows + 1][cols]
  std::vector<std::unique_ptr<Pe>> pes;
  std::vector<std::unique_ptr<Feeder>> west_feeders, north_feeders;
  std::int64_t end_cycle = 0;
  std::function<void(std::uint64_t)> after_cycle;
  std::deque<ArrayPass> passes;  // of every run: registers at rest still point to their last pass
};

PeArrayOracle::PeArrayOracle(std::uint32_t rows, std::uint32_t cols)
    : impl_(std::make_unique<Impl>(sc_core::sc_gen_unique_name("pe_array"), rows, cols)) {}
PeArrayOracle::~PeArrayOracle() = default;

FaultOutcome PeArrayOracle::run(const std::vector<ArrayPass>& passes, const ArrayFault* flip,
                                const std::function<void(std::uint64_t)>& after_cycle) {
  impl_->bench.cycle = -1;  // the feeders offer in cycle −1 what is latched in cycle 0
  impl_->bench.flip = flip;
  impl_->bench.outcome = impl_->bench.landed = {};
  impl_->bench.delivered = 0;
  std::fill(impl_->bench.bus_cycle.begin(), impl_->bench.bus_cycle.end(), -2);
  impl_->after_cycle = after_cycle;
  std::uint64_t expected = 0;
  std::uint64_t end = flip != nullptr ? flip->cycle : 0;
  for (const ArrayPass& pass : passes) {
    impl_->queue(impl_->passes.emplace_back(pass));
    expected += std::uint64_t{pass.rows} * pass.cols;
    end = std::max(end, pass.last_cycle());
  }
  // Two idle cycles more: the next run finds no operand and no drain under way.
  impl_->end_cycle = static_cast<std::int64_t>(end + 3);
  impl_->half_cycle.notify(0.5, sc_core::SC_NS);
  sc_core::sc_start();
  if (impl_->bench.cycle != impl_->end_cycle)
    throw std::runtime_error("oracle: the clock stopped early");
  if (impl_->bench.delivered != expected) throw std::runtime_error("oracle: outputs are missing");
  impl_->bench.flip = nullptr;
  return impl_->bench.outcome;
}

float PeArrayOracle::value(ArrayRegister which, std::uint32_t row, std::uint32_t col) const {
  const Pe& pe = *impl_->pes[row * impl_->cols + col];
  switch (which) {
    case ArrayRegister::west:
      return float_of(pe.west_out.read().bits);
    case ArrayRegister::north:
      return float_of(pe.north_out.read().bits);
    case ArrayRegister::acc:
      return pe.acc();
    case ArrayRegister::drain:
      return pe.drain();
    case ArrayRegister::stationary:
    case ArrayRegister::preload:
    case ArrayRegister::sum:
      break;
  }
  throw std::logic_error("oracle: no such register");
}

}  // namespace attnguard
