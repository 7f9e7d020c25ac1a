// Configurations that tests write as text: read, or what is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "src/config/document.h"
#include "src/config/read_config.h"
#include "src/config/user_error.h"

namespace attnguard {

/// As file c.json with `sets` as --set.
inline Config read(const std::string& text, const std::vector<std::string>& sets = {}) {
  ConfigOrigin origin{"c.json", {}};
  Json document = parse_json(text, origin.file);
  for (const std::string& set : sets) apply_set(document, origin, set);
  return read_config(document, origin);
}

/// The message, or "accepted".
inline std::string complaint(const std::string& text, const std::vector<std::string>& sets = {}) {
  try {
    read(text, sets);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace attnguard
