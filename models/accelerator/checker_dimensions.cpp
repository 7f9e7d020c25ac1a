#include "models/accelerator/checker_dimensions.h"

#include "models/softmax_unit/softmax_core.h"

namespace attnguard {

CheckerDimensions checker_dimensions(const AcceleratorConfig& config, const JobLayout& layout) {
  const SoftmaxTiming softmax(config.softmax, layout.cols);
  CheckerDimensions dimensions;
  dimensions.rows = layout.rows;
  dimensions.cols = layout.cols;
  dimensions.head_dim = layout.shape.head_dim;
  dimensions.tokens_q = layout.shape.tokens_q;
  dimensions.tokens_k = layout.shape.tokens_k;
  dimensions.causal = layout.shape.mask == Mask::causal;
  dimensions.exp2 = config.softmax.exp2;
  dimensions.max_latency_cycles = softmax.max;
  dimensions.exp_latency_cycles = softmax.alpha - softmax.max;
  dimensions.sum_latency_cycles = softmax.sum - softmax.alpha;
  dimensions.divide_latency_cycles = config.accumulator.divide_latency_cycles;
  dimensions.key_tiles = layout.key_tiles;
  dimensions.resident = layout.resident;
  dimensions.scale_log2e = attnguard::scale_log2e(layout.shape.scale);
  dimensions.operand = config.formats.operand;
  dimensions.probability = config.formats.probability;
  dimensions.output = config.formats.output;
  dimensions.stride = lane_stride(layout.rows);
  return dimensions;
}

}  // namespace attnguard
