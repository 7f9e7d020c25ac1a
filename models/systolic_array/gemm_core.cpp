#include "models/systolic_array/gemm_core.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "models/numerics/kernels.h"

namespace attnguard {

GemmCore::GemmCore(const ArrayConfig& config, Format operand, Fidelity fidelity)
    : rows_(config.rows),
      cols_(config.cols),
      dataflow_(config.dataflow),
      operand_(operand),
      fidelity_(fidelity),
      output_(config.rows, config.cols),
      stationary_(config.rows, config.cols) {}

std::vector<GemmCore::PeRegister> GemmCore::registers() const {
  const Format sum = sum_format_of(operand_, operand_);
  if (output_stationary())
    return {{"west", ArrayRegister::west, operand_, Adder::none},
            {"north", ArrayRegister::north, operand_, Adder::none},
            {"acc", ArrayRegister::acc, sum, Adder::per_cycle},
            {"drain", ArrayRegister::drain, sum, Adder::none}};
  return {{"west", ArrayRegister::west, operand_, Adder::none},
          {"stationary", ArrayRegister::stationary, operand_, Adder::none},
          {"preload", ArrayRegister::preload, operand_, Adder::none},
          {"sum", ArrayRegister::sum, sum, Adder::per_cycle}};
}

void GemmCore::declare(FaultUniverse& universe, const std::string& name) {
  for (const PeRegister& reg : registers()) {
    RegisterClass cls;
    cls.path = name + ".pe[{}][{}]." + reg.field;
    cls.extents = {rows_, cols_};
    cls.bits = bits_of(reg.format);
    cls.adder = reg.adder;
    declared_.push_back({universe.declare(cls), reg});
  }
}

void GemmCore::reset() {
  output_.reset();
  stationary_.reset();
}

void GemmCore::arm(const Fault& fault) {
  const auto declared = std::find_if(declared_.begin(), declared_.end(),
                                     [&](const Declared& one) { return one.id == fault.site.reg; });
  if (declared == declared_.end()) throw std::logic_error("gemm core: no such register");
  const ArrayFault at = array_fault(declared->reg.which, fault, cols_);
  if (output_stationary())
    output_.arm(at);
  else
    stationary_.arm(at);
}

FaultOutcome GemmCore::outcome() const {
  return output_stationary() ? output_.outcome() : stationary_.outcome();
}

ArrayPass GemmCore::pass_of(const GemmFold& fold) const {
  ArrayPass pass;
  pass.start = fold.start;
  pass.depth = fold.k;
  pass.rows = fold.m;
  pass.cols = fold.n;
  pass.west = fold.a;
  pass.west_stride = fold.a_stride;
  pass.north = fold.b;
  pass.north_stride = fold.b_stride;
  pass.west_format = pass.north_format = operand_;
  pass.out = fold.c;
  pass.out_stride = fold.c_stride;
  pass.base.query_row = static_cast<std::int32_t>(fold.first_m);
  return pass;
}

StationaryFold GemmCore::fold_of(const GemmFold& fold) const {
  StationaryFold result;
  result.preload = fold.preload;
  result.start = fold.start;
  result.rows = fold.k;
  result.stationary = fold.b;
  result.stationary_stride = fold.b_stride;
  result.cols = fold.n;
  result.moving = fold.a;
  result.moving_stride = fold.a_stride;
  result.steps = fold.m;
  result.step_stride = 1;
  result.col_stride = fold.c_stride;
  result.stationary_format = result.moving_format = operand_;
  result.sums = fold.sums;
  result.out = fold.c;
  result.base.query_row = static_cast<std::int32_t>(fold.first_m);
  result.steps_are_rows = dataflow_ == Dataflow::weight_stationary;
  if (result.steps_are_rows) return result;
  std::swap(result.stationary, result.moving);
  std::swap(result.stationary_stride, result.moving_stride);
  std::swap(result.cols, result.steps);
  std::swap(result.step_stride, result.col_stride);
  return result;
}

void GemmCore::start(const GemmFold& fold, LiveLog& log) {
  if (output_stationary() && fold.sums != nullptr)
    throw std::logic_error("gemm core: an output-stationary fold has all products of its sums");
  if (log.enabled()) add_live(fold, log);
  if (output_stationary())
    run(output_, pass_of(fold), fold);
  else
    run(stationary_, fold_of(fold), fold);
}

template <class Array, class Work>
void GemmCore::run(Array& array, const Work& work, const GemmFold& fold) {
  if (fidelity_ == Fidelity::cycle) {
    array.feed(work);
  } else if (array.strikes(work)) {
    array.restart();
    array.feed(work);
    array.advance_to(last_cycle(fold) + 1);
  } else {
    compute(fold);
  }
}

/// Rows of C are the lanes whatever the dataflow.
void GemmCore::compute(const GemmFold& fold) const {
  for (std::uint32_t n = 0; fold.sums != fold.c && n < fold.n; ++n) {
    float* column = fold.c + n * fold.c_stride;
    if (fold.sums == nullptr)
      std::fill_n(column, fold.m, 0.0F);
    else
      std::copy_n(fold.sums + n * fold.c_stride, fold.m, column);
  }
  TileProduct product;
  product.west = fold.a;
  product.west_stride = fold.a_stride;
  product.north = fold.b;
  product.north_stride = fold.b_stride;
  product.depth = fold.k;
  product.cols = fold.n;
  product.lanes = fold.m;
  matmul_onto(sum_format_of(operand_, operand_), product, fold.c, fold.c_stride);
}

void GemmCore::finish(const GemmFold& fold) {
  if (fidelity_ != Fidelity::cycle) return;
  if (output_stationary())
    output_.advance_to(last_cycle(fold) + 1);
  else
    stationary_.advance_to(last_cycle(fold) + 1);
}

std::uint64_t GemmCore::last_cycle(const GemmFold& fold) const {
  return output_stationary() ? pass_of(fold).last_cycle() : stationary_.last_cycle(fold_of(fold));
}

std::uint64_t GemmCore::earliest_start(const GemmFold& fold, const GemmFold& before) const {
  if (output_stationary()) return before.start + before.k + (rows_ > fold.k ? rows_ - fold.k : 0);
  std::uint64_t start =
      std::max<std::uint64_t>(earliest_preload(before) + fold.k, before.start + steps(before));
  if (fold.sums != nullptr && fold.sums == before.c)
    start = std::max<std::uint64_t>(start, before.start + rows_ + 1);
  return start;
}

std::uint32_t GemmCore::serial_cycles(const GemmFold& fold) const {
  return steps(fold) + preload_cycles() + rows_ + cols_ - 2;
}

BeatTiming GemmCore::timing(const GemmFold& fold) const {
  BeatTiming timing;
  if (output_stationary()) {
    timing.first_cycle = fold.start + fold.k + cols_ + 1;
    timing.beats = fold.m;
  } else {
    timing.first_cycle = fold.start + rows_ + cols_;
    timing.beats = steps(fold);
  }
  return timing;
}

void GemmCore::add_live(const GemmFold& fold, LiveLog& log) const {
  LiveBlock block;
  block.tile = fold.tile;
  block.index_step = {cols_, 1, 0};
  block.start_step = {1, 1, 0};
  const auto add = [&](ArrayRegister which, std::uint32_t rows, std::uint32_t cols,
                       std::uint64_t start, std::uint64_t length) {
    for (const Declared& declared : declared_) {
      if (declared.reg.which != which) continue;
      block.reg = declared.id;
      block.format = declared.reg.format;
      block.count = {rows, cols, 1};
      block.start = start;
      block.length = static_cast<std::int64_t>(length);
      log.add(block);
    }
  };
  if (output_stationary()) {
    add(ArrayRegister::west, fold.m, fold.n, fold.start, fold.k);
    add(ArrayRegister::north, fold.m, fold.n, fold.start, fold.k);
    add(ArrayRegister::acc, fold.m, fold.n, fold.start + 1, fold.k);
    add(ArrayRegister::drain, fold.m, fold.n, fold.start + fold.k + 1, 1);
    return;
  }
  const StationaryFold at = fold_of(fold);
  add(ArrayRegister::west, at.rows, at.cols, at.start, at.steps);
  add(ArrayRegister::stationary, at.rows, at.cols, at.start, at.steps);
  add(ArrayRegister::preload, at.rows, at.cols, at.preload, at.start - at.preload);
  add(ArrayRegister::sum, rows_, at.cols, at.start + 1, at.steps);
}

}  // namespace attnguard
