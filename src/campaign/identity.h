// What tells a campaign from every other: whatever can change one of its files.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "src/simulation/prepared.h"

namespace attnguard {

/// Version of this executable: results of another may differ.
std::string tool_identity();

/// Tool, configuration and contents of files; nothing about where they lie.
nlohmann::ordered_json campaign_identity(const Prepared& prepared);

/// A value in which two identities differ; JSON, "nothing" where there is none.
struct IdentityDifference {
  std::string path, before, now;
};
/// The first one; nothing if they are equal.
std::optional<IdentityDifference> first_difference(const nlohmann::ordered_json& before,
                                                   const nlohmann::ordered_json& now);

}  // namespace attnguard
