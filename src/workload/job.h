// What a simulation computes.
#pragma once

#include <variant>

#include "models/accelerator/attention_job.h"
#include "models/gemm_accelerator/gemm_job.h"

namespace attnguard {

using Job = std::variant<AttentionJob, GemmJob>;

/// Of the two products of attention as if nothing were masked, or of the matrix product.
inline double multiply_adds(const Job& job) {
  if (const GemmJob* gemm = std::get_if<GemmJob>(&job))
    return static_cast<double>(gemm->shape.macs());
  const AttentionShape& shape = std::get<AttentionJob>(job).shape;
  return 2.0 * shape.heads * shape.tokens_q * shape.tokens_k * shape.head_dim;
}

}  // namespace attnguard
