// The folder a command writes: whole or not at all.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "src/processes/interrupt.h"

namespace attnguard {

/// The folder, absolute. UserError when it cannot be written, is no folder, or already holds
/// something: without `force` anything at all; with it anything but an earlier result or an
/// unfinished command that no process is at, so that --force never takes a user's own folder.
std::filesystem::path usable_folder(const std::filesystem::path& path, bool force);

/// `path` is `folder` or something in it, whatever links lead there.
bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder);

/// UserError when a result in `out` would replace `input`, which a command reads.
void require_outside(const std::filesystem::path& out, const std::filesystem::path& input);

/// A hidden name beside `path` that no other process uses.
std::filesystem::path sibling(const std::filesystem::path& path, std::string_view suffix);

/// Files go to a temporary folder beside the final one; commit() renames it. Without commit()
/// nothing stays. From path() on a signal waits for commit().
class OutputDir {
 public:
  /// UserError as usable_folder().
  OutputDir(const std::filesystem::path& final_path, bool force);
  ~OutputDir();
  OutputDir(const OutputDir&) = delete;
  OutputDir& operator=(const OutputDir&) = delete;

  /// The temporary folder to write into; exists.
  const std::filesystem::path& path();
  /// Puts the folder in its place, instead of an earlier result; files there that are not
  /// attnguard's stay. Throws Interrupted if a signal came, and as usable_folder() for what came
  /// there meanwhile. Call once, at the end.
  void commit();

 private:
  void fill();
  void replace();

  std::filesystem::path final_, asked_;  ///< absolute; as the user wrote it
  bool force_;
  std::filesystem::path temporary_;
  std::optional<InterruptGuard> guard_;
  bool committed_ = false;
};

}  // namespace attnguard
