// What every chart has in common. A specification is Vega 5 (vega.github.io/vega/docs), its data
// inline.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace attnguard {

using Json = nlohmann::ordered_json;

/// `text` as a specification, with the signals `room` (pixels across) and `narrow` (a phone) that
/// page.js sets, and the autosize `type`: "fit-x" fills the room.
Json chart(std::string_view text, std::string_view type = "fit-x");

/// The values in order of appearance, each once.
void add_once(std::vector<std::string>& list, const std::string& value);

/// Adds the data set `name`; the specification's own data sets may derive from it.
void add_data(Json& spec, std::string_view name, Json rows);

/// Adds the ordinal scales `color` and `shape` that tell `names` apart, and the legend.
void tell_apart(Json& spec, const std::vector<std::string>& names, std::string_view legend_title);

/// The same without a legend.
void add_scales(Json& spec, const std::vector<std::string>& names);

/// Adds a signal with a fixed value.
void add_value(Json& spec, std::string_view name, const Json& value);

/// Adds a signal that the reader chooses among `options`; the first at the start. One option is no
/// choice.
void add_choice(Json& spec, std::string_view name, std::string_view label,
                const std::vector<std::string>& options);

}  // namespace attnguard
