// The names an enumeration key accepts, and what numbers a key accepts, in words.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/fabric/field.h"
#include "models/numerics/format.h"

namespace attnguard {

/// A key's `max`, if above 0, ends the list early: the last value it allows, by number.
template <class E>
std::vector<std::pair<E, std::string_view>> choices(const FieldSpec& spec) {
  std::vector<std::pair<E, std::string_view>> allowed;
  for (const auto& choice : EnumNames<E>::names)
    if (spec.max <= 0 || static_cast<double>(choice.first) <= spec.max) allowed.push_back(choice);
  return allowed;
}
/// The formats a datapath can have depend on the place: only operands may be float16 or int8, only
/// the output int32.
template <>
inline std::vector<std::pair<Format, std::string_view>> choices<Format>(const FieldSpec& spec) {
  if (spec.key == "operand")
    return {{Format::bfloat16, "bfloat16"},
            {Format::float16, "float16"},
            {Format::float32, "float32"},
            {Format::int8, "int8"}};
  if (spec.key == "output")
    return {{Format::bfloat16, "bfloat16"}, {Format::float32, "float32"}, {Format::int32, "int32"}};
  return {{Format::bfloat16, "bfloat16"}, {Format::float32, "float32"}};
}

inline bool has_min(const FieldSpec& spec) {
  return spec.min != std::numeric_limits<double>::lowest();
}
inline bool has_max(const FieldSpec& spec) {
  return spec.max != std::numeric_limits<double>::max();
}

/// Smallest and largest value of an unsigned integer key. A bound of a FieldSpec is a double; the
/// type bounds it too.
template <class T>
std::pair<std::uint64_t, std::uint64_t> integer_range(const FieldSpec& spec) {
  const double type_max = static_cast<double>(std::numeric_limits<T>::max());
  return {
      spec.min > 0 ? static_cast<std::uint64_t>(spec.min) : 0,
      spec.max < type_max ? static_cast<std::uint64_t>(spec.max) : std::numeric_limits<T>::max()};
}

inline std::string allowed_number(const FieldSpec& spec) {
  if (has_min(spec) && has_max(spec))
    return fmt::format("a number from {} to {}", spec.min, spec.max);
  if (has_min(spec)) return fmt::format("a number of at least {}", spec.min);
  return has_max(spec) ? fmt::format("a number of at most {}", spec.max) : "a number";
}

}  // namespace attnguard
