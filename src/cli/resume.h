// What --resume and --force mean, and the command that goes on with an interrupted one.
#pragma once

#include <string>

#include "src/cli/command_line.h"
#include "src/files/resumable_folder.h"

namespace attnguard {

StartMode start_mode(const CommandLine& line);

/// The same command with --resume, for a shell.
std::string resume_command(const CommandLine& line);

/// That --resume found nothing to do.
void print_finished_shard(ShardId shard, const std::string& folder);

/// In a catch block, of a command that can be gone on with: throws on what it caught; what the
/// machine refused with the command to go on, if anything is kept.
[[noreturn]] void rethrow_with_resume(const ResumableKind& kind, const CommandLine& line);

}  // namespace attnguard
