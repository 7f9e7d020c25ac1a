#include "models/systolic_array/array_core.h"

#include <algorithm>
#include <string_view>

#include "models/numerics/kernels.h"

namespace attnguard {

BeatTiming ArrayWork::timing(std::uint32_t array_cols) const {
  BeatTiming timing;
  timing.first_cycle = start + depth + array_cols + 1;
  timing.groups = passes;
  timing.group_interval_cycles = interval;
  timing.beats = tile.rows;
  timing.beat_interval_cycles = 1;
  return timing;
}

ArrayCore::ArrayCore(const ArrayConfig& config, const FormatsConfig& formats, Fidelity fidelity)
    : rows_(config.rows),
      cols_(config.cols),
      stride_(lane_stride(config.rows)),
      formats_(formats),
      fidelity_(fidelity),
      stepping_(config.rows, config.cols) {
  for (LaneTile& bank : probability_) bank.resize(stride_ * cols_);
}

void ArrayCore::declare(FaultUniverse& universe, const std::string& name) {
  const auto pe_register = [&](const char* field, unsigned bits) {
    RegisterClass cls;
    cls.path = name + ".pe[{}][{}]." + field;
    cls.extents = {rows_, cols_};
    cls.bits = bits;
    if (std::string_view(field) == "acc") cls.adder = Adder::per_cycle;
    return universe.declare(cls);
  };
  const unsigned operand = bits_of(formats_.operand), probability = bits_of(formats_.probability);
  reg_.west = pe_register("west", std::max(operand, probability));
  reg_.north = pe_register("north", operand);
  reg_.acc = pe_register("acc", 32);
  reg_.drain = pe_register("drain", 32);
  RegisterClass cls;
  cls.path = name + ".probability[{}][{}][{}]";  // bank, row, key
  cls.extents = {2, rows_, cols_};
  cls.bits = probability;
  reg_.probability = universe.declare(cls);
}

void ArrayCore::reset() {
  stepping_.reset();
  tap_.disarm();
  for (LaneTile& bank : probability_) std::fill(bank.begin(), bank.end(), 0.0F);
}

void ArrayCore::abandon(std::uint64_t cycle) {
  stepping_.abandon(cycle);
  tap_.abandon(cycle);
}

ArrayFault ArrayCore::array_fault(const Fault& fault) const {
  const ArrayRegister which = fault.site.reg == reg_.west    ? ArrayRegister::west
                              : fault.site.reg == reg_.north ? ArrayRegister::north
                              : fault.site.reg == reg_.acc   ? ArrayRegister::acc
                                                             : ArrayRegister::drain;
  return attnguard::array_fault(which, fault, cols_);
}

void ArrayCore::arm(const Fault& fault) {
  if (fault.site.reg == reg_.probability)
    tap_.add(fault);
  else
    stepping_.arm(array_fault(fault));
}

FaultOutcome ArrayCore::outcome() const { return stepping_.outcome().earlier(tap_.outcome()); }

void ArrayCore::receive_probability(const TileContext& tile, const float* probability,
                                    std::uint64_t first_cycle) {
  float* bank = probability_[tile.bank].data();
  if (tile.rows == rows_) {
    std::copy_n(probability, tile.cols * stride_, bank);
  } else {  // gated lanes hold
    for (std::uint32_t key = 0; key < tile.cols; ++key)
      std::copy_n(probability + key * stride_, tile.rows, bank + key * stride_);
  }
  probability_cycle_[tile.bank] = first_cycle;
  if (!tap_.pending()) return;
  for (std::uint32_t row = 0; row < tile.rows; ++row)
    for (std::uint32_t key = 0; key < tile.cols; ++key)
      tap_.write(reg_.probability, (tile.bank * rows_ + row) * cols_ + key, first_cycle + row);
}

ArrayPass ArrayCore::pass_of(const ArrayWork& work, std::uint32_t pass, const float* west) const {
  ArrayPass result;
  result.start = work.start + std::uint64_t{pass} * work.interval;
  result.depth = work.depth;
  result.rows = work.tile.rows;
  result.cols = std::min(cols_, work.out_cols - pass * cols_);
  result.west = west;
  result.west_stride = stride_;
  result.west_format = work.values ? formats_.probability : formats_.operand;
  result.north = work.operands->north.data() + std::size_t{pass} * work.depth * cols_;
  result.north_stride = cols_;
  result.north_format = formats_.operand;
  result.out = const_cast<float*>(work.out.data()) + std::size_t{pass} * cols_ * stride_;
  result.out_stride = stride_;
  result.base = place_of(work.tile, 0);
  return result;
}

/// The west operands of one P·V pass. Operand k of every row is read from the register at the
/// pass's start + k, so a flip reaches only the passes after it; such a work carries its own copy
/// of every pass's operands.
const float* ArrayCore::read_probability(ArrayWork& work, std::uint32_t pass) {
  float* bank = probability_[work.tile.bank].data();
  const std::uint64_t first = work.start + std::uint64_t{pass} * work.interval;
  const bool faulty = tap_.pending_before(first + work.depth);
  if (faulty)
    for (std::uint32_t key = 0; key < work.depth; ++key)
      for (std::uint32_t row = 0; row < work.tile.rows; ++row) {
        const Place place = place_of(work.tile, row);
        tap_.read(reg_.probability, (work.tile.bank * rows_ + row) * cols_ + key, first + key,
                  bank[key * stride_ + row], place, formats_.probability);
      }
  if (fidelity_ == Fidelity::transaction) return bank;
  const std::size_t values = work.depth * stride_;
  work.operands->west.resize(std::max(work.operands->west.size(), work.passes * values));
  return std::copy_n(bank, values, work.operands->west.data() + pass * values) - values;
}

void ArrayCore::start(ArrayWork& work, LiveLog& log) {
  // Scores and P·V take turns: a tile that grew stays so, or it would be cleared each time.
  work.out.resize(std::max(work.out.size(), work.out_cols * stride_));
  if (log.enabled()) add_live(work, log);
  if (fidelity_ == Fidelity::cycle)
    work.operands->west.resize(
        std::max(work.operands->west.size(), work.passes * work.depth * stride_));
  for (std::uint32_t pass = 0; pass < work.passes; ++pass) {
    const float* west = work.values ? read_probability(work, pass) : work.operands->west.data();
    const ArrayPass array_pass = pass_of(work, pass, west);
    if (fidelity_ == Fidelity::cycle)
      stepping_.feed(array_pass);
    else
      compute(array_pass);
  }
}

void ArrayCore::compute(const ArrayPass& pass) {
  if (stepping_.strikes(pass)) {
    stepping_.restart();
    stepping_.feed(pass);
    stepping_.advance_to(pass.last_cycle() + 1);
    return;
  }
  matmul_tile(pass.west, pass.north, pass.out, pass.depth, pass.cols, stride_, stride_,
              pass.north_stride);
}

void ArrayCore::finish(ArrayWork& work) {
  if (fidelity_ == Fidelity::cycle) stepping_.advance_to(work.timing(cols_).last_cycle() + 1);
  // What stands in lanes that nobody computed must not depend on the fidelity: after a protocol
  // fault somebody may come to read it.
  for (std::uint32_t col = 0; work.tile.rows < rows_ && col < work.out_cols; ++col)
    std::fill(&work.out[col * stride_ + work.tile.rows], &work.out[(col + 1) * stride_], 0.0F);
}

void ArrayCore::add_live(const ArrayWork& work, LiveLog& log) const {
  for (std::uint32_t pass = 0; pass < work.passes; ++pass) {
    const ArrayPass at = pass_of(work, pass, nullptr);
    LiveBlock block;
    block.tile = work.tile.id();
    block.count = {at.rows, at.cols, 1};
    block.index_step = {cols_, 1, 0};
    block.start_step = {1, 1, 0};
    const auto add = [&](RegisterId reg, Format format, std::uint64_t start, std::uint32_t length) {
      block.reg = reg;
      block.format = format;
      block.start = start;
      block.length = length;
      log.add(block);
    };
    add(reg_.west, at.west_format, at.start, at.depth);
    add(reg_.north, at.north_format, at.start, at.depth);
    add(reg_.acc, Format::float32, at.start + 1, at.depth);
    add(reg_.drain, Format::float32, at.start + at.depth + 1, 1);
  }
  if (!work.values) return;
  // Element (row, key) is written at its arrival and last read as operand `key` of the last pass.
  const std::uint64_t written = probability_cycle_[work.tile.bank];
  LiveBlock block;
  block.tile = work.tile.id();
  block.reg = reg_.probability;
  block.format = formats_.probability;
  block.index = work.tile.bank * rows_ * cols_;
  block.count = {work.tile.rows, work.tile.cols, 1};
  block.index_step = {cols_, 1, 0};
  block.start = written;
  block.start_step = {1, 0, 0};
  block.length = static_cast<std::int64_t>(
      work.start + std::uint64_t{work.passes - 1} * work.interval - written);
  block.length_step = {-1, 1, 0};
  log.add(block);
}

}  // namespace attnguard
