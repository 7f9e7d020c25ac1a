// attnguard merge: finished shards -> the campaign or sweep they are parts of.
#include <string>
#include <vector>

#include "src/campaign/merge.h"
#include "src/cli/campaign_summary.h"
#include "src/cli/command_line.h"
#include "src/cli/resume.h"
#include "src/cli/sweep_display.h"
#include "src/config/user_error.h"
#include "src/simulation/prepared.h"
#include "src/sweep/merge_sweep.h"

namespace attnguard {
namespace {

void merge_sweep(const CommandLine& command_line, const ShardSet& shards) {
  if (command_line.write_faults)
    throw UserError("--write-faults: shards of a sweep; only with those of a campaign");
  SweepOptions options;
  options.workers = command_line.workers.value_or(0);
  options.start = start_mode(command_line);
  options.audit = command_line.audit;
  SweepDisplay display;
  if (!command_line.quiet) display.attach(options);
  const std::string& out = command_line.positional.front();
  try {
    const SweepMode mode = merge_sweep(shards, out, options);
    if (!command_line.quiet) print_sweep_written(out, mode);
  } catch (...) {
    display.clear_line();
    throw;
  }
}

void merge_campaign(const CommandLine& command_line, const ShardSet& shards) {
  CampaignOptions options;
  options.out = command_line.positional.front();
  options.workers = command_line.workers.value_or(0);
  options.start = start_mode(command_line);
  options.audit = command_line.audit;
  options.write_faults = command_line.write_faults;
  const Prepared prepared = prepare_merge(shards, options.out);
  const CampaignSummary summary = merge_shards(prepared, shards, options);
  end_with_summary(summary, prepared.config, options.out.string(), command_line.quiet);
}

}  // namespace

int merge_command(const CommandLine& command_line) {
  const std::vector<std::string>& words = command_line.positional;
  const ShardSet shards = read_shards({words.begin() + 1, words.end()});
  if (shards.of_sweep)
    merge_sweep(command_line, shards);
  else
    merge_campaign(command_line, shards);
  return kDone;
}

}  // namespace attnguard
