#include "models/fault_injector/fault_universe.h"

#include <charconv>
#include <utility>

namespace attnguard {
namespace {

// The path with each {} replaced by what `index` returns, in order.
template <class Index>
std::string fill(const std::string& path, Index index) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path.compare(i, 2, "{}") == 0) {
      text += index();
      ++i;
    } else {
      text += path[i];
    }
  }
  return text;
}

std::string instance_name(const RegisterClass& cls, std::uint32_t flat) {
  std::uint64_t stride = cls.instances();
  std::size_t dimension = 0;
  return fill(cls.path, [&] {
    stride /= cls.extents[dimension];
    return std::to_string(flat / stride % cls.extents[dimension++]);
  });
}

// The flattened index if `path` names an instance of the class. Indices are plain decimals without
// leading zeros.
std::optional<std::uint32_t> parse_instance(const RegisterClass& cls, std::string_view path) {
  std::uint64_t flat = 0;
  std::size_t dimension = 0;
  for (std::size_t i = 0; i < cls.path.size(); ++i) {
    if (cls.path.compare(i, 2, "{}") != 0) {
      if (path.empty() || path.front() != cls.path[i]) return std::nullopt;
      path.remove_prefix(1);
      continue;
    }
    ++i;
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), value);
    const auto digits = static_cast<std::size_t>(end - path.data());
    if (error != std::errc{} || value >= cls.extents[dimension] ||
        (digits > 1 && path.front() == '0'))
      return std::nullopt;
    flat = flat * cls.extents[dimension++] + value;
    path.remove_prefix(digits);
  }
  if (!path.empty()) return std::nullopt;
  return static_cast<std::uint32_t>(flat);
}

}  // namespace

std::uint64_t RegisterClass::instances() const {
  std::uint64_t product = 1;
  for (const std::uint32_t extent : extents) product *= extent;
  return product;
}

std::string RegisterClass::site_class() const {
  return fill(path, [] { return "*"; });
}

std::uint64_t LiveBlock::live_cycles() const {
  if (length_step == std::array<std::int64_t, 3>{})
    return length_at(0, 0, 0) * count[0] * count[1] * count[2];
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < count[0]; ++i)
    for (std::uint32_t j = 0; j < count[1]; ++j)
      for (std::uint32_t k = 0; k < count[2]; ++k) sum += length_at(i, j, k);
  return sum;
}

bool glob_matches(std::string_view glob, std::string_view text) {
  // On a mismatch the most recent * takes one more character: earlier stars never need to change.
  std::size_t g = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

RegisterId FaultUniverse::declare(RegisterClass cls) {
  classes_.push_back(std::move(cls));
  return static_cast<RegisterId>(classes_.size() - 1);
}

std::string FaultUniverse::name(Site site) const {
  return instance_name(classes_[site.reg], site.index);
}

std::optional<Site> FaultUniverse::find(std::string_view path) const {
  for (RegisterId reg = 0; reg < classes_.size(); ++reg)
    if (const auto index = parse_instance(classes_[reg], path)) return Site{reg, *index};
  return std::nullopt;
}

bool FaultUniverse::matches_all(RegisterId reg, std::string_view glob) const {
  // Only a * can take an unprintable index.
  return glob_matches(glob, fill(classes_[reg].path, [] { return "\x01"; }));
}

bool FaultUniverse::class_matches(RegisterId reg, std::string_view glob) const {
  if (matches_all(reg, glob)) return true;
  const RegisterClass& cls = classes_[reg];
  for (std::uint64_t index = 0; index < cls.instances(); ++index)
    if (glob_matches(glob, instance_name(cls, static_cast<std::uint32_t>(index)))) return true;
  return false;
}

}  // namespace attnguard
