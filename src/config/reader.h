// Reads a config struct from JSON through its visit(): strict about keys, types, ranges and names.
//
// Integers are JSON integers (8.0 is none), booleans are no numbers, null is nothing.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "models/checksum_unit/checker_options.h"
#include "src/config/choices.h"
#include "src/config/document.h"
#include "src/config/nearest.h"
#include "src/sweep/sweep_config.h"

namespace attnguard {

/// The place of a value, for messages.
struct Cursor {
  const ConfigOrigin& origin;
  std::string pointer;

  Cursor child(std::string_view key) const { return {origin, child_pointer(pointer, key)}; }
  [[noreturn]] void reject(const Json& value, std::string_view allowed) const {
    origin.reject(pointer, one_line(value), allowed);
  }
};

template <class T>
void read_value(const Json& json, const FieldSpec& spec, const Cursor& at, T& value);

/// One JSON object; a visitor of the struct it fills. Call finish() when all keys are visited.
class ObjectReader {
 public:
  ObjectReader(const Json& object, Cursor at) : object_(object), at_(std::move(at)) {
    if (!object_.is_object()) at_.reject(object_, "an object");
  }

  template <class T>
  void operator()(const FieldSpec& spec, T& member) {
    known_.emplace_back(spec.key);
    const auto found = object_.find(spec.key);
    if (found != object_.end())
      read_value(*found, spec, at_.child(spec.key), member);
    else if (spec.required)
      missing_.push_back(spec);
  }

  /// Unknown keys first: a misspelt required key is better called unknown than missing.
  void finish() const {
    for (const auto& item : object_.items()) {
      const std::string& key = item.key();
      bool found = false;
      for (const std::string& known : known_) found = found || known == key;
      if (!found) at_.origin.reject(at_.child(key).pointer, "unknown key", suggest(key, known_));
    }
    for (const FieldSpec& spec : missing_)
      at_.origin.reject(at_.child(spec.key).pointer, "missing",
                        fmt::format("required: {}", spec.meaning));
  }

 private:
  const Json& object_;
  Cursor at_;
  std::vector<std::string> known_;
  std::vector<FieldSpec> missing_;
};

template <class Struct>
void read_struct(const Json& json, const Cursor& at, Struct& value) {
  ObjectReader reader(json, at);
  Struct::visit(value, reader);
  reader.finish();
}

template <class E>
void read_enum(const Json& json, const FieldSpec& spec, const Cursor& at, E& value) {
  std::vector<std::string> names;
  for (const auto& [candidate, name] : choices<E>(spec)) {
    if (json.is_string() && json.get_ref<const std::string&>() == name) {
      value = candidate;
      return;
    }
    names.emplace_back(name);
  }
  at.reject(json, suggest(json.is_string() ? json.get_ref<const std::string&>() : "", names));
}

template <class T>
void read_integer(const Json& json, const FieldSpec& spec, const Cursor& at, T& value) {
  const auto [low, high] = integer_range<T>(spec);
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() < low ||
      json.get<std::uint64_t>() > high)
    at.reject(json, fmt::format("an integer from {} to {}", low, high));
  value = static_cast<T>(json.get<std::uint64_t>());
}

template <class T>
void read_number(const Json& json, const FieldSpec& spec, const Cursor& at, T& value) {
  if (!json.is_number() || json.get<double>() < spec.min || json.get<double>() > spec.max)
    at.reject(json, allowed_number(spec));
  value = json.get<T>();
}

template <class T>
void read_list(const Json& json, const FieldSpec& spec, const Cursor& at, std::vector<T>& values) {
  if (!json.is_array()) at.reject(json, "a list");
  values.clear();
  for (const Json& element : json) {
    const Cursor place = at.child(std::to_string(values.size()));
    read_value(element, spec, place, values.emplace_back());
  }
}

void read_checkers(const Json& json, const Cursor& at, std::vector<CheckerConfig>& checkers);
void read_axes(const Json& json, const Cursor& at, std::vector<SweepAxis>& axes);
void read_key_values(const Json& json, const Cursor& at, KeyValues& values);

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
void read_value(const Json& json, const FieldSpec& spec, const Cursor& at, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) at.reject(json, "true or false");
    value = json.get<bool>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string() || json.get_ref<const std::string&>().empty())
      at.reject(json, "a string that is not empty");
    value = json.get<std::string>();
  } else if constexpr (std::is_enum_v<T>) {
    read_enum(json, spec, at, value);
  } else if constexpr (std::is_integral_v<T>) {
    read_integer(json, spec, at, value);
  } else if constexpr (std::is_floating_point_v<T>) {
    read_number(json, spec, at, value);
  } else if constexpr (std::is_same_v<T, std::vector<CheckerConfig>>) {
    read_checkers(json, at, value);
  } else if constexpr (std::is_same_v<T, std::vector<SweepAxis>>) {
    read_axes(json, at, value);
  } else if constexpr (std::is_same_v<T, KeyValues>) {
    read_key_values(json, at, value);
  } else if constexpr (IsVector<T>::value) {
    read_list(json, spec, at, value);
  } else if constexpr (IsOptional<T>::value) {
    read_value(json, spec, at, value.emplace());
  } else {
    read_struct(json, at, value);
  }
}

}  // namespace attnguard
