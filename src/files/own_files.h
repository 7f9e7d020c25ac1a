// What commands leave in a folder, told from what is the user's.
#pragma once

#include <filesystem>

namespace attnguard {

/// Holds the result of a command, or an unfinished campaign or sweep.
bool is_result(const std::filesystem::path& folder);

/// Commands leave a file or a folder of this name in their folder.
bool is_own(const std::filesystem::path& entry);

/// Removes what commands left in `folder` and in its folders that are theirs. What else is there
/// stays, with the folders it is in, and so does the entry `except`. No symbolic link is followed.
/// Throws std::filesystem::filesystem_error.
void remove_results(const std::filesystem::path& folder, const std::filesystem::path& except = {});

/// Moves `from`, a file or a folder, to `to`. A folder that is there takes up the contents; of two
/// files the moved one stays. Throws std::filesystem::filesystem_error.
void move_into_place(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace attnguard
