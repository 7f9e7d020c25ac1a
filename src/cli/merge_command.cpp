// attnguard merge: finished shards -> the campaign they are parts of.
#include <string>
#include <vector>

#include "src/campaign/merge.h"
#include "src/cli/campaign_summary.h"
#include "src/cli/command_line.h"
#include "src/cli/resume.h"
#include "src/simulation/prepared.h"

namespace attnguard {

int merge_command(const CommandLine& command_line) {
  const std::vector<std::string>& words = command_line.positional;
  const ShardSet shards = read_shards({words.begin() + 1, words.end()});
  CampaignOptions options;
  options.out = words.front();
  options.workers = command_line.workers.value_or(0);
  options.start = start_mode(command_line);
  options.audit = command_line.audit;
  options.write_faults = command_line.write_faults;
  const Prepared prepared = prepare_merge(shards, options.out);
  const CampaignSummary summary = merge_shards(prepared, shards, options);
  if (!command_line.quiet) print_summary(summary, prepared.config, options.out.string());
  require_sound(summary);
  return kDone;
}

}  // namespace attnguard
