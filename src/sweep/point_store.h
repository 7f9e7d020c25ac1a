// The points of a running sweep: a file for each that is finished, whole or not there, and a folder
// for each campaign.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace attnguard {

class PointStore {
 public:
  /// `result`: where the sweep's files go in the end. Puts back what a sweep killed while it
  /// published had moved there, waits for its campaigns to be gone, too, and clears leftovers away.
  PointStore(std::filesystem::path work, const std::filesystem::path& result, std::size_t points);

  /// `000`, `001`, …
  static std::string name(std::size_t point);
  /// Of the campaigns.
  std::filesystem::path folders() const { return work_ / "points"; }
  std::filesystem::path folder(std::size_t point) const { return folders() / name(point); }

  /// What campaigns that were killed, or could not clear it away, left beside their folders.
  void clear_leftovers() const;

  void write(std::size_t point, const nlohmann::ordered_json& result) const;
  /// Of a point that is finished; MachineError if it cannot be read.
  nlohmann::ordered_json finished(std::size_t point) const;
  /// Nothing unless it is finished.
  std::optional<nlohmann::ordered_json> read(std::size_t point) const;

 private:
  std::filesystem::path file(std::size_t point) const;

  std::filesystem::path work_;
};

}  // namespace attnguard
