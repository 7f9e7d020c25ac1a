#include "src/sweep/point_results.h"

#include <string>

#include "src/config/sha256.h"
#include "src/files/input_file.h"
#include "src/simulation/prepared.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

std::string hash_of(const Json& identity, const Json& points) {
  return sha256_hex(identity.dump() + points.dump());
}

}  // namespace

void write_point_results(const std::filesystem::path& file, const Json& identity,
                         const PointResults& results) {
  Json points = Json::array();
  for (const auto& [point, result] : results)
    points.push_back({{"point", point}, {"result", result}});
  write_json(file, {{"sha256", hash_of(identity, points)}, {"points", points}});
}

PointResults read_point_results(const std::filesystem::path& file, const Json& identity) {
  const Json json = read_own_json(file);
  if (!json.is_object() || !json.contains("points") ||
      json.value("sha256", Json()) != hash_of(identity, json["points"]))
    return {};
  PointResults results;
  for (const Json& entry : json["points"]) results[entry.at("point")] = entry.at("result");
  return results;
}

}  // namespace attnguard
