// The points of a finished shard of a sweep of runs, in one file.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "src/sweep/conduct_sweep.h"

namespace attnguard {

constexpr const char* kPointResults = "points.json";

/// With the SHA-256 of the results and of `identity`, the shard's. Throws std::runtime_error.
void write_point_results(const std::filesystem::path& file, const nlohmann::ordered_json& identity,
                         const PointResults& results);

/// None unless the file is there, as it was written and of that shard.
PointResults read_point_results(const std::filesystem::path& file,
                                const nlohmann::ordered_json& identity);

}  // namespace attnguard
