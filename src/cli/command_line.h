// The command line, and one function per command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attnguard {

/// Exit codes of every command.
enum ExitCode : int {
  kDone = 0,
  kUserError = 2,      ///< the user's input is wrong
  kModelBug = 3,       ///< a bug in a model
  kNotFinished = 4,    ///< the simulation did not finish
  kAuditFailed = 5,    ///< an audit failed
  kInterrupted = 130,  ///< SIGINT or SIGTERM
};

/// One part of a campaign or sweep.
struct ShardId {
  std::uint32_t number = 1, count = 1;  ///< 1 .. count
};

struct CommandLine {
  std::string command;
  /// What follows the command: CONFIG of run, campaign, calibrate, sites and sweep; DIR of roc; DIR
  /// and N of replay; the folders of report; OUT and folders of merge.
  std::vector<std::string> positional;
  std::vector<std::string> sets;  ///< `path=value`, in order
  std::optional<std::string> out;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint32_t> workers;  ///< processes at once; without it one per core
  bool force = false;
  bool quiet = false;
  bool dry_run = false;
  bool resume = false;
  bool write_faults = false;
  bool write_residuals = false;
  bool vcd = false;                           ///< also waves.vcd
  bool timeline = false;                      ///< also timeline.json
  std::optional<std::string> calibration;     ///< folder
  std::optional<ShardId> shard;               ///< else the whole
  std::optional<std::uint64_t> audit;         ///< injections to repeat
  std::optional<std::uint64_t> memory_bytes;  ///< for golden state
};

/// What was asked for instead of a command: print this and succeed. Or a command.
struct ParsedCommandLine {
  std::optional<std::string> text;  ///< of --help and --version
  CommandLine command_line;
};

/// Throws UserError naming the option or command, with the nearest match.
ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments);

// Each returns the exit code; throws UserError.
int run_command(const CommandLine& command_line);
int campaign_command(const CommandLine& command_line);
int merge_command(const CommandLine& command_line);
int calibrate_command(const CommandLine& command_line);
int roc_command(const CommandLine& command_line);
int report_command(const CommandLine& command_line);
int replay_command(const CommandLine& command_line);
int sites_command(const CommandLine& command_line);
int sweep_command(const CommandLine& command_line);
int schema_command(const CommandLine& command_line);

}  // namespace attnguard
