// What one pass over injections.csv says of places: faults by element of the array and by bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace attnguard {

/// Faults of one place. Weights are those of injections.csv.
struct Tally {
  std::uint64_t faults = 0, dangerous = 0;
  double weight = 0, dangerous_weight = 0;
  std::vector<std::uint64_t> undetected;  ///< [checker] of the dangerous ones
  std::vector<double> undetected_weight;  ///< [checker]

  Tally& operator+=(const Tally& other);
  /// Weighted shares; of no faults 0.
  double dangerous_share() const { return weight > 0 ? dangerous_weight / weight : 0; }
  double undetected_share(std::size_t checker) const {
    return dangerous_weight > 0 ? undetected_weight[checker] / dangerous_weight : 0;
  }
};

struct PeSite {
  std::uint32_t row = 0, col = 0;
  std::string reg;  ///< west, north, acc, …
  bool operator<(const PeSite& other) const {
    return std::tie(reg, row, col) < std::tie(other.reg, other.row, other.col);
  }
};

/// Of one fault class, datapath only; faults that were not injected and runs without a result are
/// left out.
struct PlaceTallies {
  std::map<PeSite, Tally> elements;  ///< `array.pe[row][col].reg`
  /// Site classes in order of appearance, and by (index of the class, bit): the lowest bit that was
  /// flipped, of a link within its lane.
  std::vector<std::string> site_classes;
  std::map<std::pair<std::size_t, std::uint32_t>, Tally> bits;
};

/// By fault class. UserError when the file is not an injections.csv of these checkers.
std::map<std::string, PlaceTallies> tally_injections(const std::filesystem::path& file,
                                                     const std::vector<std::string>& checkers);

}  // namespace attnguard
