// One description per configuration struct: key, member, meaning and what is allowed.
//
// Every config struct has `template <class Self, class V> static void visit(Self& self, V& v)` that
// calls v(FieldSpec, member) once per key. Reading, defaults, the effective-config dump, the key
// table and the JSON Schema are all visitors of it. Enumerations are described by
// EnumNames<E>::names, {value, "text"} in order.
#pragma once

#include <array>
#include <limits>
#include <string_view>
#include <utility>

namespace attnguard {

/// Describes one key. Numbers are bounded by [min, max]; of an enumeration the values up to max are
/// allowed.
struct FieldSpec {
  std::string_view key;
  std::string_view meaning;  ///< one line, unit included
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
  bool required = false;
};

template <class E>
struct EnumNames;  // specialise: static constexpr std::array<std::pair<E, std::string_view>, N>
                   // names

template <class E>
constexpr std::string_view enum_name(E value) {
  for (const auto& [candidate, text] : EnumNames<E>::names)
    if (candidate == value) return text;
  return {};
}

}  // namespace attnguard
