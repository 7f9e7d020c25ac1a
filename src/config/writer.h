// Writes a config struct as JSON through its visit(): every key with its effective value.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "models/checksum_unit/checker_options.h"
#include "src/config/choices.h"
#include "src/config/document.h"
#include "src/config/reader.h"
#include "src/sweep/sweep_config.h"

namespace attnguard {

template <class T>
Json write_value(const FieldSpec& spec, const T& value);

/// A visitor that fills one JSON object. An empty optional leaves no key.
class ObjectWriter {
 public:
  template <class T>
  void operator()(const FieldSpec& spec, const T& member) {
    if constexpr (IsOptional<T>::value) {
      if (member) (*this)(spec, *member);
    } else {
      object[std::string(spec.key)] = write_value(spec, member);
    }
  }
  Json object = Json::object();
};

template <class Struct>
Json write_struct(const Struct& value) {
  ObjectWriter writer;
  Struct::visit(value, writer);
  return writer.object;
}

Json write_checkers(const std::vector<CheckerConfig>& checkers);
Json write_axes(const std::vector<SweepAxis>& axes);
Json write_key_values(const KeyValues& values);

template <class T>
Json write_value(const FieldSpec& spec, const T& value) {
  if constexpr (std::is_enum_v<T>) {
    for (const auto& [candidate, name] : choices<T>(spec))
      if (candidate == value) return std::string(name);
    return nullptr;
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<T, std::vector<CheckerConfig>>) {
    return write_checkers(value);
  } else if constexpr (std::is_same_v<T, std::vector<SweepAxis>>) {
    return write_axes(value);
  } else if constexpr (std::is_same_v<T, KeyValues>) {
    return write_key_values(value);
  } else if constexpr (IsVector<T>::value) {
    Json list = Json::array();
    for (const auto& element : value) list.push_back(write_value(spec, element));
    return list;
  } else {
    return write_struct(value);
  }
}

}  // namespace attnguard
