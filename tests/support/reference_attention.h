// Attention in double precision with plain loops and the C library: the oracle for what the
// accelerator should compute. Shares nothing with models/numerics.
#pragma once

#include <vector>

#include "models/accelerator/attention_job.h"

namespace attnguard {

/// softmax(scale · Q Kᵀ + mask) V, [heads][tokens_q][head_dim].
std::vector<double> reference_attention(const AttentionJob& job);

}  // namespace attnguard
