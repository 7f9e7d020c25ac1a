#include "src/cli/resume.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "src/config/printable.h"
#include "src/config/shell_word.h"
#include "src/processes/refusal.h"
#include "src/simulation/errors.h"
#include "src/simulation/prepared.h"

namespace attnguard {
StartMode start_mode(const CommandLine& line) {
  if (line.resume) return StartMode::resume;
  return line.force ? StartMode::anew : StartMode::refuse;
}

std::string resume_command(const CommandLine& line) {
  std::string text =
      fmt::format("attnguard {} {}", line.command, shell_word(line.positional.at(0)));
  for (const std::string& set : line.sets) text += " --set " + shell_word(set);
  if (line.seed) text += fmt::format(" --seed {}", *line.seed);
  if (line.out) text += " --out " + shell_word(*line.out);
  if (line.workers) text += fmt::format(" --workers {}", *line.workers);
  if (line.audit) text += fmt::format(" --audit {}", *line.audit);
  if (line.write_faults) text += " --write-faults";
  if (line.shard) text += fmt::format(" --shard {}/{}", line.shard->number, line.shard->count);
  if (line.memory_bytes) text += fmt::format(" --memory {}", *line.memory_bytes);
  if (line.quiet) text += " --quiet";
  return text + " --resume";
}

void print_finished_shard(ShardId shard, const std::string& folder) {
  fmt::print("shard {}/{} in {} is finished\n", shard.number, shard.count, printable(folder));
}

void rethrow_with_resume(const ResumableKind& kind, const CommandLine& line) {
  const auto refusal = current_refusal();
  std::error_code ignored;
  if (!refusal || !std::filesystem::exists(identity_file(kind, output_directory(line)), ignored))
    throw;
  throw MachineError(
      fmt::format("{}; what is finished is kept, go on with: {}", *refusal, resume_command(line)));
}

}  // namespace attnguard
