// The configuration as JSON, before anything is read from it: the file, then the options that
// change it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "src/config/origin.h"

namespace attnguard {

using Json = nlohmann::ordered_json;

/// `json` on one line, for messages.
std::string one_line(const Json& json);

/// Parses a file strictly: no comments, no duplicate keys, at most 64 levels. Throws UserError.
Json parse_json_file(const std::filesystem::path& file);
/// The same for text; `name` stands for the file in messages.
Json parse_json(const std::string& text, const std::string& name);

/// Applies `--set assignment`, where assignment is `dotted.path=value` and value is JSON, or else a
/// string. A number steps into a list. Objects on the way that do not exist are made; whether their
/// names are known is the reader's business.
void apply_set(Json& document, ConfigOrigin& origin, const std::string& assignment);

/// A value to put in the place of the file's, and what to call it in messages.
struct Setting {
  std::string key;  ///< dotted
  Json value;
  std::string origin;
};

/// As apply_set, which calls it `--set …`.
void apply_setting(Json& document, ConfigOrigin& origin, const Setting& setting);

/// The value at a dotted key below `object`; objects on the way that do not exist are made.
Json& at_dotted(Json& object, const std::string& key);

}  // namespace attnguard
