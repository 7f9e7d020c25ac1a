#include "src/campaign/identity.h"

#include <fmt/format.h>

#include "src/config/version.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

std::string value_at(const Json& json, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  return json.contains(at) ? json.at(at).dump() : "nothing";
}

}  // namespace

std::string tool_identity() { return fmt::format("{} ({})", tool_version(), tool_git()); }

Json campaign_identity(const Prepared& prepared) {
  return {{"tool", tool_identity()},
          {"config_sha256", prepared.config_sha256},
          {"config", prepared.content}};
}

std::optional<IdentityDifference> first_difference(const Json& before, const Json& now) {
  std::optional<std::string> differs;
  for (const Json& change : Json::diff(before, now)) {
    // The hash differs whenever anything does: it is named only when nothing else explains it.
    if (!differs || *differs == "/config_sha256") differs = change.at("path");
  }
  if (!differs) return std::nullopt;
  return IdentityDifference{*differs, value_at(before, *differs), value_at(now, *differs)};
}

}  // namespace attnguard
