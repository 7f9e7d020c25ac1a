// What a simulation computes.
#pragma once

#include <variant>

#include "models/accelerator/attention_job.h"
#include "models/gemm_accelerator/gemm_job.h"

namespace attnguard {

using Job = std::variant<AttentionJob, GemmJob>;

}  // namespace attnguard
