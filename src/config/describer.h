// Describes a config struct as JSON Schema through its visit().
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "models/checksum_unit/checker_options.h"
#include "src/config/choices.h"
#include "src/config/document.h"
#include "src/config/reader.h"
#include "src/config/writer.h"
#include "src/sweep/sweep_config.h"
#include "src/workload/workload_config.h"

namespace attnguard {

template <class T>
Json describe(const FieldSpec& spec, const T& value);

/// A visitor that collects the properties of one object.
struct ObjectDescriber {
  template <class T>
  void operator()(const FieldSpec& spec, const T& member) {
    const std::string key(spec.key);
    if constexpr (IsOptional<T>::value) {
      properties[key] = describe(spec, typename T::value_type{});
      properties[key].erase("default");
    } else {
      properties[key] = describe(spec, member);
    }
    properties[key]["description"] = std::string(spec.meaning);
    if (!spec.required) return;
    required.push_back(key);
    properties[key].erase("default");
  }

  Json schema() const {
    Json object = {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
    if (!required.empty()) object["required"] = required;
    return object;
  }

  Json properties = Json::object();
  Json required = Json::array();
};

Json describe_checkers();
Json describe_workload();

template <class T>
Json describe(const FieldSpec& spec, const T& value) {
  Json schema;
  if constexpr (std::is_same_v<T, bool>) {
    schema["type"] = "boolean";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {{"type", "string"}, {"minLength", 1}};
  } else if constexpr (std::is_enum_v<T>) {
    schema["enum"] = Json::array();
    for (const auto& choice : choices<T>(spec))
      schema["enum"].push_back(std::string(choice.second));
  } else if constexpr (std::is_integral_v<T>) {
    const auto [low, high] = integer_range<T>(spec);
    schema = {{"type", "integer"}, {"minimum", low}, {"maximum", high}};
  } else if constexpr (std::is_floating_point_v<T>) {
    schema["type"] = "number";
    if (has_min(spec)) schema["minimum"] = spec.min;
    if (has_max(spec)) schema["maximum"] = spec.max;
  } else if constexpr (std::is_same_v<T, std::vector<CheckerConfig>>) {
    return describe_checkers();
  } else if constexpr (std::is_same_v<T, WorkloadConfig>) {
    return describe_workload();
  } else if constexpr (std::is_same_v<T, std::vector<SweepAxis>>) {
    return {{"type", "object"},
            {"maxProperties", kMostSweptKeys},
            {"additionalProperties", {{"type", "array"}, {"minItems", 1}}}};
  } else if constexpr (std::is_same_v<T, KeyValues>) {
    return {{"type", "object"}, {"minProperties", 1}};
  } else if constexpr (IsVector<T>::value) {
    schema = {{"type", "array"}, {"items", describe(spec, typename T::value_type{})}};
    schema["items"].erase("default");
  } else {
    ObjectDescriber describer;
    T::visit(value, describer);
    return describer.schema();
  }
  schema["default"] = write_value(spec, value);
  return schema;
}

}  // namespace attnguard
