#include "models/checksum_unit/own_softmax.h"

#include <algorithm>

#include "models/checksum_unit/row_check.h"
#include "models/numerics/kernels.h"

namespace attnguard {

OwnSoftmax::OwnSoftmax(const CheckerContext& context)
    : context_(context),
      max_(context, false),
      probability_(context.watch, {context.path + "row[{}].probability[{}][{}]",
                                   {context.dims.rows, 2, context.dims.cols},
                                   context.dims.probability,
                                   StorageKind::register_file,
                                   LaneMeaning::row,
                                   2 * context.dims.cols,
                                   context.dims.rows,
                                   true}) {}

void OwnSoftmax::declare(FaultUniverse& universe) {
  max_.declare(universe);
  probability_.declare(universe);
}

void OwnSoftmax::reset() {
  max_.reset();
  probability_.reset();
}

void OwnSoftmax::scores(const Observed& observed, RegisterFile<float>& alpha,
                        RegisterFile<float>* denominator, std::uint32_t denominator_bank) {
  const TileContext& tile = observed.tile;
  const CheckerDimensions& dims = context_.dims;
  const LaneCycles max_cycles = row_beats(observed.timing) + dims.max_latency_cycles;
  const LaneCycles exp_cycles = max_cycles + dims.exp_latency_cycles;
  const LaneCycles sum_cycles = exp_cycles + dims.sum_latency_cycles;
  max_.take(observed, max_cycles);

  float* p = probability_.group(tile.bank * dims.cols);
  softmax_exp(observed.values, max_.visible(), dims.scale_log2e, dims.exp2, dims.probability,
              tile.first, max_.old(), max_.max(), alpha.group(tile.bank), p, tile.cols, tile.rows,
              observed.stride);
  alpha.write(tile.bank, tile.rows, exp_cycles);
  for (std::uint32_t key = 0; key < tile.cols; ++key)
    probability_.write(tile.bank * dims.cols + key, tile.rows, exp_cycles);

  if (denominator == nullptr) return;
  float* sum = denominator->group(denominator_bank);
  if (tile.first)
    std::fill_n(sum, tile.rows, 0.0F);
  else
    denominator->read(denominator_bank, tile.rows, sum_cycles, tile);
  softmax_sum(p, alpha.group(tile.bank), sum, tile.cols, tile.rows, observed.stride);
  denominator->write(denominator_bank, tile.rows, sum_cycles);
}

const float* OwnSoftmax::read(const TileContext& tile, std::uint64_t mac_start) {
  const std::uint32_t first = tile.bank * context_.dims.cols;
  for (std::uint32_t key = 0; key < tile.cols; ++key)
    probability_.read(first + key, tile.rows, {mac_start + key, 1}, tile);
  return probability_.group(first);
}

}  // namespace attnguard
