#include "src/config/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "src/config/checker_kinds.h"
#include "src/config/config.h"
#include "src/config/describer.h"
#include "src/config/schema_version.h"

namespace attnguard {
namespace {

/// The object that the key `kind` with this name decides on.
Json kind_schema(ObjectDescriber& describer, std::string_view name) {
  Json& kind = describer.properties["kind"];
  kind = {{"const", std::string(name)}, {"description", kind["description"]}};
  return describer.schema();
}

Json describe_kind(const CheckerKind& kind) {
  ObjectDescriber describer;
  describer(kCheckerKindSpec, kind.name);
  kind.describe(describer);
  return kind_schema(describer, kind.name);
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
  if (schema.contains("minimum") && schema.contains("maximum") &&
      schema["minimum"] == schema["maximum"])
    return one_line(schema["minimum"]);
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

Json describe_checkers() {
  Json kinds = Json::array();
  for (const CheckerKind& kind : checker_kinds()) kinds.push_back(describe_kind(kind));
  return {{"type", "object"},
          {"maxProperties", kMostCheckers},
          {"propertyNames", {{"pattern", "^[a-z][a-z0-9_]*$"}}},
          {"additionalProperties", {{"oneOf", kinds}}}};
}

Json describe_workload() {
  Json kinds = Json::array();
  for (const auto& [kind, name] : EnumNames<WorkloadKind>::names) {
    WorkloadConfig workload;
    workload.kind = kind;
    ObjectDescriber describer;
    WorkloadConfig::visit(workload, describer);
    kinds.push_back(kind_schema(describer, name));
  }
  return {{"oneOf", kinds}};
}

Json config_schema() {
  ObjectDescriber describer;
  const Config config;
  describer(kSchemaVersionSpec, kSchemaVersion);
  Config::visit(config, describer);
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"$id", fmt::format("urn:attnguard:configuration:{}", kSchemaVersion)},
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
    if (!item.value().contains("properties") && item.key() != "checkers" &&
        item.key() != "workload")
      top["properties"][item.key()] = item.value();
  text += table("top level", top, "");
  for (const auto& item : schema["properties"].items()) {
    const auto add_kinds = [&](const Json& kinds, const std::string& prefix) {
      for (const Json& kind : kinds)
        text +=
            table(fmt::format("{}, kind {}", item.key(), allowed_text(kind["properties"]["kind"])),
                  kind, prefix);
    };
    if (item.key() == "checkers") {
      add_kinds(item.value()["additionalProperties"]["oneOf"], "checkers.<name>.");
    } else if (item.key() == "workload") {
      add_kinds(item.value()["oneOf"], "workload.");
    } else if (item.value().contains("properties")) {
      text += table(item.key(), item.value(), item.key() + ".");
    }
  }
  return text;
}

}  // namespace attnguard
