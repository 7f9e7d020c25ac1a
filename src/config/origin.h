// Where a configuration value came from: what an error message names.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnguard {

/// The configuration file and the options that changed it.
struct ConfigOrigin {
  std::string file;  ///< as the user wrote it
  /// JSON pointer of each value set by an option, and the option as the user wrote it; later ones
  /// win.
  std::vector<std::pair<std::string, std::string>> options;

  /// What to call the value at a JSON pointer: the option that set it or a value around it, else
  /// `file#pointer`.
  std::string where(std::string_view pointer) const;
  /// Throws UserError `where(pointer): value; allowed`.
  [[noreturn]] void reject(std::string_view pointer, std::string_view value,
                           std::string_view allowed) const;
};

/// `parent`/`key` as a JSON pointer, escaped; never holds a line break.
std::string child_pointer(std::string_view parent, std::string_view key);

}  // namespace attnguard
