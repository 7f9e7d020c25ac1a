#include "src/config/document.h"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include "src/config/user_error.h"
#include "src/files/input_file.h"

namespace attnguard {
namespace {

constexpr std::size_t kMaxDepth = 64;

// Builds the document while refusing what nlohmann's own parser lets pass: a key given twice.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  StrictBuilder(Json& root, const std::string& name) : root_(root), name_(name) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    if (!open_.back().keys.insert(value).second)
      throw UserError(fmt::format("{}#{}: duplicate key; each key at most once", name_,
                                  child_pointer(open_.back().pointer, value)));
    key_ = std::move(value);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    std::string what = e.what();
    if (const std::size_t end = what.find("] "); end != std::string::npos) what.erase(0, end + 2);
    throw UserError(fmt::format("{}: {}; valid JSON", name_, what));
  }

 private:
  struct Level {
    Json* json;
    std::string pointer;
    std::unordered_set<std::string> keys = {};  // Json looks through all of its own
  };

  template <class T>
  bool put(T&& value) {
    place(Json(std::forward<T>(value)));
    return true;
  }
  bool open(Json container) {
    std::string pointer = next_pointer();
    if (open_.size() == kMaxDepth)
      throw UserError(fmt::format("{}#{}: more than {} levels; fewer", name_, pointer, kMaxDepth));
    Json* placed = place(std::move(container));
    open_.push_back({placed, std::move(pointer)});
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  std::string next_pointer() const {
    if (open_.empty()) return "";
    const Level& top = open_.back();
    return child_pointer(top.pointer,
                         top.json->is_array() ? std::to_string(top.json->size()) : key_);
  }
  // A parent never grows while its child is open, so pointers into it stay valid.
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& top = *open_.back().json;
    if (top.is_array()) {
      top.push_back(std::move(value));
      return &top.back();
    }
    auto& object = top.get_ref<Json::object_t&>();
    object.emplace_back(key_, std::move(value));
    return &object.back().second;
  }

  Json& root_;
  const std::string& name_;
  std::vector<Level> open_;
  std::string key_;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

bool is_utf8(const std::string& text) {
  try {
    Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

}  // namespace

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json parse_json(const std::string& text, const std::string& name) {
  Json root;
  StrictBuilder builder(root, name);
  Json::sax_parse(text, &builder);
  return root;
}

Json parse_json_file(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    throw UserError(fmt::format("{}: is a folder; a JSON file", file.string()));
  std::string text;
  try {
    text = read_file(file);
  } catch (const std::system_error& refused) {
    throw UserError(
        fmt::format("{}: {}; a readable JSON file", file.string(), refused.code().message()));
  }
  return parse_json(text, file.string());
}

void apply_set(Json& document, ConfigOrigin& origin, const std::string& assignment) {
  const std::string option = "--set " + assignment;
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw UserError(option + ": no path=value; for example --set accelerator.array.rows=8");

  // Results hold the configuration, and JSON is UTF-8.
  if (!is_utf8(assignment)) throw UserError(option + ": bytes that are no UTF-8; UTF-8");

  const std::string text = assignment.substr(equals + 1);
  Json value = Json::accept(text) ? parse_json(text, option) : Json(text);
  apply_setting(document, origin, {assignment.substr(0, equals), std::move(value), option});
}

void apply_setting(Json& document, ConfigOrigin& origin, const Setting& setting) {
  const std::string& name = setting.origin;
  Json* at = &document;
  std::string pointer, made;  // `made`: the outermost pointer that this setting creates
  const std::vector<std::string> parts = split(setting.key, '.');
  if (parts.size() > kMaxDepth)
    throw UserError(fmt::format("{}: more than {} levels; fewer", name, kMaxDepth));
  for (const std::string& part : parts) {
    if (part.empty()) throw UserError(name + ": an empty name in the path; names joined by dots");
    const std::string parent = pointer;
    pointer = child_pointer(pointer, part);
    if (at->is_array()) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
      if (error != std::errc() || end != part.data() + part.size() || index >= at->size())
        throw UserError(fmt::format("{}: {} is no element of {}; an index below {}", name, part,
                                    parent, at->size()));
      at = &(*at)[index];
      continue;
    }
    if (!at->is_object())
      throw UserError(
          fmt::format("{}: {} is no object and has no key {}; a path of the configuration", name,
                      parent, part));
    if (!at->contains(part)) {
      if (made.empty()) made = pointer;
      (*at)[part] = Json::object();
    }
    at = &(*at)[part];
  }
  *at = setting.value;
  origin.options.emplace_back(made.empty() ? pointer : made, name);
}

Json& at_dotted(Json& object, const std::string& key) {
  const std::size_t dot = key.find('.');
  if (dot == std::string::npos) return object[key];
  return at_dotted(object[key.substr(0, dot)], key.substr(dot + 1));
}

}  // namespace attnguard
