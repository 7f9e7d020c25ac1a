#include "src/config/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "src/config/config.h"
#include "src/config/reader.h"
#include "src/config/writer.h"

namespace attnguard {
namespace {

template <class T>
Json describe(const FieldSpec& spec, const T& value);

// A visitor that collects the properties of one object.
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

template <class Options>
Json describe_checker(CheckerKind kind) {
  ObjectDescriber describer;
  describer(kCheckerKindSpec, kind);
  const Options options;
  Options::visit(options, describer);
  describer.properties["kind"].erase("enum");
  describer.properties["kind"]["const"] = std::string(enum_name(kind));
  return describer.schema();
}

Json describe_checkers() {
  return {
      {"type", "object"},
      {"propertyNames", {{"pattern", "^[a-z][a-z0-9_]*$"}}},
      {"additionalProperties",
       {{"oneOf", Json::array({describe_checker<FlashAbftConfig>(CheckerKind::flash_abft),
                               describe_checker<MatmulAbftConfig>(CheckerKind::matmul_abft)})}}}};
}

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
  } else if constexpr (std::is_same_v<T, std::vector<SweepAxis>>) {
    return {{"type", "object"}, {"additionalProperties", {{"type", "array"}, {"minItems", 1}}}};
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

std::string allowed_text(const Json& schema) {
  if (schema.contains("const")) return schema["const"].get<std::string>();
  if (schema.contains("enum")) {
    std::vector<std::string> names = schema["enum"].get<std::vector<std::string>>();
    return fmt::format("{}", fmt::join(names, ", "));
  }
  const std::string type = schema.value("type", "");
  if (type == "array" && schema.contains("items"))
    return fmt::format("list of: {}", schema["items"].contains("properties")
                                          ? std::string("objects, below")
                                          : allowed_text(schema["items"]));
  if (schema.contains("minimum") && schema.contains("maximum"))
    return fmt::format("{}, {} to {}", type, one_line(schema["minimum"]),
                       one_line(schema["maximum"]));
  if (schema.contains("minimum"))
    return fmt::format("{}, at least {}", type, one_line(schema["minimum"]));
  return type;
}

void append_rows(const Json& object, const std::string& prefix, std::string& text) {
  for (const auto& item : object["properties"].items()) {
    const Json& schema = item.value();
    const std::string path = prefix + item.key();
    if (schema.contains("properties")) {
      append_rows(schema, path + ".", text);
      continue;
    }
    bool required = false;
    if (object.contains("required"))
      for (const Json& key : object["required"]) required = required || key == item.key();
    const std::string fallback = schema.contains("default")
                                     ? fmt::format("`{}`", one_line(schema["default"]))
                                 : required ? "required"
                                            : "";
    text += fmt::format("| `{}` | {} | {} | {} |\n", path, fallback, allowed_text(schema),
                        schema.value("description", ""));
    if (schema.contains("items") && schema["items"].contains("properties"))
      append_rows(schema["items"], path + "[].", text);
  }
}

std::string table(const std::string& title, const Json& object, const std::string& prefix) {
  std::string text =
      fmt::format("\n## {}\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n", title);
  append_rows(object, prefix, text);
  return text;
}

}  // namespace

Json config_schema() {
  ObjectDescriber describer;
  const Config config;
  Config::visit(config, describer);
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "attnguard configuration"}};
  schema.update(describer.schema());
  return schema;
}

std::string key_table() {
  std::string text =
      "# Configuration keys\n\n"
      "Written by `attnguard schema keys`; the same descriptions read the file, so this table "
      "cannot differ from the tool.\n"
      "A configuration is one JSON object, read strictly: unknown and duplicate keys, comments, "
      "fractions for integers and\n"
      "values out of range are errors. `--set key=value` sets any key below on the command line; "
      "the value is JSON, or else a\n"
      "string, and a number steps into a list (`campaign.models.0.bits=2`). File names are "
      "relative to the configuration\n"
      "file. An empty default means: absent.\n";
  const Json schema = config_schema();
  Json top = {{"properties", Json::object()}};
  for (const auto& item : schema["properties"].items())
    if (!item.value().contains("properties") && item.key() != "checkers")
      top["properties"][item.key()] = item.value();
  text += table("top level", top, "");
  for (const auto& item : schema["properties"].items()) {
    if (item.key() == "checkers") {
      for (const Json& kind : item.value()["additionalProperties"]["oneOf"])
        text += table(fmt::format("checkers, kind {}", allowed_text(kind["properties"]["kind"])),
                      kind, "checkers.<name>.");
    } else if (item.value().contains("properties")) {
      text += table(item.key(), item.value(), item.key() + ".");
    }
  }
  return text;
}

}  // namespace attnguard
