// Random accelerators with random jobs, and the checkers tests put on them.
#pragma once

#include <cstdint>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/accelerator/attention_job.h"
#include "models/checksum_unit/checker_config.h"
#include "tests/support/float_samples.h"

namespace attnguard {

struct TestSystem {
  AcceleratorConfig accelerator;
  std::vector<CheckerConfig> checkers;
  AttentionJob job;
};

struct SystemLimits {
  std::size_t rows = 20, cols = 20, tokens = 90, head_dim = 80;
};

/// Any array, shape, mask, format, latency and buffer organisation within the limits; K and V
/// resident or streamed; buffers of exactly the size needed or larger. Values are normal, deviation
/// 1.5. No checkers.
TestSystem random_system(FloatSamples& samples, const SystemLimits& limits);

/// Every buffer as small as the job allows: one tile per half, or with `resident` a head of K and
/// V.
void shrink_buffers(AcceleratorConfig& accelerator, const AttentionShape& shape, bool resident);

/// Parity or SECDED of any width and interleaving that a line can hold on some buffers (`all`: on
/// every one that can have it); buffers may grow by a group.
void protect_buffers(AcceleratorConfig& accelerator, FloatSamples& samples, bool all);

/// Normal values of that deviation, exact in `format`, for job.shape.
void fill_normal(AttentionJob& job, Format format, FloatSamples& samples, float deviation);

/// merged, hardened, two_check and two_check_carried, as shipped in configs/.
std::vector<CheckerConfig> shipped_checkers();

/// 3 × 4 array, ragged tiles, two heads on one kv head, causal.
TestSystem small_system(bool resident);

}  // namespace attnguard
