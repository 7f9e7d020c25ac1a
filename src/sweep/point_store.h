// The points of a running sweep: a file for each that is finished, whole or not there, and a folder
// for each campaign.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

namespace attnguard {

/// The campaign of a point of the sweep in `folder`: points/000, …
std::filesystem::path point_folder(const std::filesystem::path& folder, std::size_t point);

class PointStore {
 public:
  /// `result`: where the sweep's files go in the end. Puts back what a sweep killed while it
  /// published had moved there, waits for its campaigns to be gone, too, and clears leftovers away.
  PointStore(std::filesystem::path work, const std::filesystem::path& result, std::size_t points);

  std::filesystem::path folder(std::size_t point) const { return point_folder(work_, point); }

  /// What campaigns that were killed, or could not clear it away, left beside their folders.
  void clear_leftovers() const;

  void write(std::size_t point, const nlohmann::ordered_json& result) const;
  /// Of a point that is finished; MachineError if it cannot be read.
  nlohmann::ordered_json finished(std::size_t point) const;
  /// Nothing unless it is finished.
  std::optional<nlohmann::ordered_json> read(std::size_t point) const;
  /// Moves the campaigns to points/ in `result`.
  void publish(const std::filesystem::path& result) const;

 private:
  std::filesystem::path folders() const;
  std::filesystem::path file(std::size_t point) const;

  std::filesystem::path work_;
};

}  // namespace attnguard
