// WorkloadConfig -> the job: tensors read or drawn, checked, rounded to the operand format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/numerics/format.h"
#include "src/config/origin.h"
#include "src/workload/job.h"
#include "src/workload/workload_config.h"

namespace attnguard {

struct LoadedWorkload {
  Job job;
  std::optional<std::vector<float>> expected;  ///< [heads][tokens_q][head_dim], of a gemm [m][n]
  /// (key, SHA-256 of the file's bytes) of the tensors and expected_output, as far as they are
  /// files.
  std::vector<std::pair<std::string, std::string>> file_hashes;
};

/// Relative file names are relative to `folder`. Throws UserError that names the key, the file and,
/// for a value that is not finite, its index.
LoadedWorkload load_workload(const WorkloadConfig& workload, std::uint64_t seed, Format operand,
                             const std::filesystem::path& folder, const ConfigOrigin& origin);

}  // namespace attnguard
