// What commands leave in a folder, told from what is the user's.
#pragma once

#include <filesystem>

namespace attnguard {

/// Holds the result of a command, told by a JSON file with the name and version of the tool, or an
/// unfinished campaign or sweep.
bool is_result(const std::filesystem::path& folder);

/// Commands leave a file of this name in their folder, or the folder is a result within one.
bool is_own(const std::filesystem::path& entry);

/// Removes what commands left in `folder` and in its folders that are theirs. What else is there
/// stays, with the folders it is in, and so does the entry `except`. No symbolic link is followed.
/// Throws std::filesystem::filesystem_error.
void remove_results(const std::filesystem::path& folder, const std::filesystem::path& except = {});

/// MachineError that names what stands in `to` where a folder of `from` would replace a file, or a
/// file a folder.
void require_room(const std::filesystem::path& from, const std::filesystem::path& to);

/// Moves `from`, a file or a folder, to `to`. A folder that is there takes up the contents; of two
/// files the moved one stays. Throws std::filesystem::filesystem_error.
void move_into_place(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace attnguard
