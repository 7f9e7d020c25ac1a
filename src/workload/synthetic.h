// Tensors drawn from a seed: every value is a pure function of (seed, tensor, index), the same on
// every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "models/accelerator/attention_job.h"
#include "models/gemm_accelerator/gemm_job.h"
#include "src/workload/workload_config.h"

namespace attnguard {

/// A standard normal value by the sum of twelve uniforms (Irwin-Hall): integers until one exact
/// conversion, so that no mathematical library decides a bit; within 6 deviations. Counter-based:
/// Philox4x32-10 (Salmon et al., SC 2011).
double standard_normal(std::uint64_t seed, std::uint32_t tensor, std::uint64_t index);

/// q, k and v for job.shape, float32, not yet rounded to the operand format. Value = deviation ×
/// (outlier factor in outlier channels of K and V) × normal + (mean, of V). Channel floor(i ×
/// head_dim / n) is the i-th of n outlier channels.
void draw_tensors(std::uint64_t seed, const DistributionConfig& distribution, AttentionJob& job);

/// A and B for job.shape, likewise. Row floor(i × k / n) of B is the i-th of n outlier channels.
void draw_operands(std::uint64_t seed, const GemmDistributionConfig& distribution, GemmJob& job);

}  // namespace attnguard
