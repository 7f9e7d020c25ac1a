#include "models/systolic_array/gemm_core.h"

#include <algorithm>
#include <string_view>

#include "models/numerics/kernels.h"

namespace attnguard {

GemmCore::GemmCore(const ArrayConfig& config, Format operand, Fidelity fidelity)
    : rows_(config.rows),
      cols_(config.cols),
      operand_(operand),
      fidelity_(fidelity),
      output_(config.rows, config.cols) {}

void GemmCore::declare(FaultUniverse& universe, const std::string& name) {
  const auto pe_register = [&](const char* field, unsigned bits) {
    RegisterClass cls;
    cls.path = name + ".pe[{}][{}]." + field;
    cls.extents = {rows_, cols_};
    cls.bits = bits;
    if (std::string_view(field) == "acc") cls.adder = Adder::per_cycle;
    return universe.declare(cls);
  };
  reg_.west = pe_register("west", bits_of(operand_));
  reg_.north = pe_register("north", bits_of(operand_));
  reg_.acc = pe_register("acc", 32);
  reg_.drain = pe_register("drain", 32);
}

void GemmCore::reset() { output_.reset(); }

void GemmCore::arm(const Fault& fault) {
  ArrayFault at;
  at.which = fault.site.reg == reg_.west    ? ArrayRegister::west
             : fault.site.reg == reg_.north ? ArrayRegister::north
             : fault.site.reg == reg_.acc   ? ArrayRegister::acc
                                            : ArrayRegister::drain;
  at.row = fault.site.index / cols_;
  at.col = fault.site.index % cols_;
  at.mask = static_cast<std::uint32_t>(fault.mask());
  at.cycle = fault.cycle;
  at.how = fault.how;
  at.access = fault.access;
  output_.arm(at);
}

ArrayPass GemmCore::pass_of(const GemmFold& fold) const {
  ArrayPass pass;
  pass.start = fold.start;
  pass.depth = fold.k;
  pass.rows = fold.m;
  pass.cols = fold.n;
  pass.west = fold.a;
  pass.west_stride = fold.a_stride;
  pass.west_format = operand_;
  pass.north = fold.b;
  pass.north_stride = fold.b_stride;
  pass.north_format = operand_;
  pass.out = fold.c;
  pass.out_stride = fold.c_stride;
  pass.base.query_row = static_cast<std::int32_t>(fold.first_m);
  return pass;
}

void GemmCore::start(const GemmFold& fold, LiveLog& log) {
  if (log.enabled()) add_live(fold, log);
  const ArrayPass pass = pass_of(fold);
  if (fidelity_ == Fidelity::cycle) return output_.feed(pass);
  if (output_.strikes(pass)) {
    output_.restart();
    output_.feed(pass);
    output_.advance_to(pass.last_cycle() + 1);
    return;
  }
  matmul_tile(pass.west, pass.north, pass.out, pass.depth, pass.cols, fold.a_stride, fold.a_stride,
              fold.b_stride);
}

void GemmCore::finish(const GemmFold& fold) {
  if (fidelity_ == Fidelity::cycle) output_.advance_to(pass_of(fold).last_cycle() + 1);
}

std::uint64_t GemmCore::earliest_start(const GemmFold& fold, const GemmFold& before) const {
  return before.start + before.k + (rows_ > fold.k ? rows_ - fold.k : 0);
}

BeatTiming GemmCore::timing(const GemmFold& fold) const {
  BeatTiming timing;
  timing.first_cycle = fold.start + fold.k + cols_ + 1;
  timing.beats = fold.m;
  return timing;
}

void GemmCore::add_live(const GemmFold& fold, LiveLog& log) const {
  LiveBlock block;
  block.tile = fold.tile;
  block.count = {fold.m, fold.n, 1};
  block.index_step = {cols_, 1, 0};
  block.start_step = {1, 1, 0};
  const auto add = [&](RegisterId reg, Format format, std::uint64_t start, std::uint32_t length) {
    block.reg = reg;
    block.format = format;
    block.start = start;
    block.length = length;
    log.add(block);
  };
  add(reg_.west, operand_, fold.start, fold.k);
  add(reg_.north, operand_, fold.start, fold.k);
  add(reg_.acc, Format::float32, fold.start + 1, fold.k);
  add(reg_.drain, Format::float32, fold.start + fold.k + 1, 1);
}

}  // namespace attnguard
