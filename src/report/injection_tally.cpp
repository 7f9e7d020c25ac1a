#include "src/report/injection_tally.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "src/files/csv_reader.h"

namespace attnguard {
namespace {

constexpr std::uint32_t kBitsPerDigit = 4;
// A damaged file makes no map that fills the memory: rows or columns of an array, bits of a link.
constexpr std::uint32_t kMostExtent = 1024, kMostBits = 65536;

/// The number behind `open` in `text`, which then begins after `close`.
std::optional<std::uint32_t> bracketed(std::string_view& text) {
  if (text.empty() || text.front() != '[') return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data() + text.size() || *end != ']') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return value;
}

std::optional<PeSite> element_of(std::string_view site) {
  constexpr std::string_view kPrefix = "array.pe";
  if (site.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  site.remove_prefix(kPrefix.size());
  const auto row = bracketed(site);
  const auto col = row ? bracketed(site) : std::nullopt;
  if (!col || site.size() < 2 || site.front() != '.') return std::nullopt;
  return PeSite{*row, *col, std::string(site.substr(1))};
}

class Pass {
 public:
  Pass(const std::filesystem::path& file, const std::vector<std::string>& checkers)
      : table_(file, file.string()),
        domain_(table_.column("domain")),
        effect_(table_.column("effect")),
        fault_class_(table_.column("fault_class")),
        site_(table_.column("site")),
        site_class_(table_.column("site_class")),
        bit_(table_.column("bit")),
        value_(table_.column("value_before")),
        weight_(table_.column("weight")) {
    for (const std::string& checker : checkers)
      verdict_.push_back(table_.column(checker + ".verdict"));
  }

  std::map<std::string, PlaceTallies> run() {
    while (table_.next()) {
      const std::string& effect = table_[effect_];
      if (table_[domain_] != "function" || effect == "not_injected" || effect == "sim_error")
        continue;
      add(tallies_[table_[fault_class_]], fault());
    }
    for (auto& [fault_class, tallies] : tallies_) fold_lanes(tallies);
    return std::move(tallies_);
  }

 private:
  Tally fault() const {
    Tally tally;
    const double weight = table_.number(weight_);
    const std::string& effect = table_[effect_];
    const bool dangerous = effect == "sdc" || effect == "hang" || effect == "crash";
    tally.faults = 1;
    tally.weight = weight;
    tally.dangerous = dangerous ? 1 : 0;
    tally.dangerous_weight = dangerous ? weight : 0;
    for (const std::size_t column : verdict_) {
      const bool undetected = table_[column] == "undetected";
      tally.undetected.push_back(undetected ? 1 : 0);
      tally.undetected_weight.push_back(undetected ? weight : 0);
    }
    return tally;
  }

  void add(PlaceTallies& tallies, const Tally& fault) {
    if (const auto element = element_of(table_[site_])) {
      if (std::max(element->row, element->col) >= kMostExtent)
        table_.reject(site_, "an element of an array");
      tallies.elements[*element] += fault;
    }
    if (table_[bit_].empty()) return;
    const std::uint64_t bit = table_.count(bit_);
    if (bit >= kMostBits) table_.reject(bit_, "a bit of a register or link");
    const std::size_t site_class = index_of(tallies, table_[site_class_]);
    // 0x…, as wide as the register, or a lane of the link.
    const std::size_t digits = table_[value_].size();
    constexpr std::size_t kPrefix = 2;
    std::uint32_t& width = widths_[table_[site_class_]];
    if (digits > kPrefix)
      width = std::max(width, kBitsPerDigit * static_cast<std::uint32_t>(digits - kPrefix));
    tallies.bits[{site_class, static_cast<std::uint32_t>(bit)}] += fault;
  }

  static std::size_t index_of(PlaceTallies& tallies, const std::string& site_class) {
    std::vector<std::string>& names = tallies.site_classes;
    // Rows of a class stand together.
    if (!names.empty() && names.back() == site_class) return names.size() - 1;
    const auto found = std::find(names.begin(), names.end(), site_class);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    names.push_back(site_class);
    return names.size() - 1;
  }

  /// On a link `bit` counts through all lanes.
  void fold_lanes(PlaceTallies& tallies) const {
    std::map<std::pair<std::size_t, std::uint32_t>, Tally> folded;
    for (const auto& [place, tally] : tallies.bits) {
      const std::uint32_t width = widths_.at(tallies.site_classes[place.first]);
      folded[{place.first, width > 0 ? place.second % width : place.second}] += tally;
    }
    tallies.bits = std::move(folded);
  }

  CsvTable table_;
  std::size_t domain_, effect_, fault_class_, site_, site_class_, bit_, value_, weight_;
  std::vector<std::size_t> verdict_;
  std::map<std::string, std::uint32_t> widths_;  ///< by site class; 0 while no value was seen
  std::map<std::string, PlaceTallies> tallies_;
};

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  faults += other.faults;
  dangerous += other.dangerous;
  weight += other.weight;
  dangerous_weight += other.dangerous_weight;
  undetected.resize(other.undetected.size());
  undetected_weight.resize(other.undetected_weight.size());
  for (std::size_t c = 0; c < undetected.size(); ++c) {
    undetected[c] += other.undetected[c];
    undetected_weight[c] += other.undetected_weight[c];
  }
  return *this;
}

std::map<std::string, PlaceTallies> tally_injections(const std::filesystem::path& file,
                                                     const std::vector<std::string>& checkers) {
  return Pass(file, checkers).run();
}

}  // namespace attnguard
