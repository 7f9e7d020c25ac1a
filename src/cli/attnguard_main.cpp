#include "src/cli/attnguard_main.h"

#include <fmt/format.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "src/cli/command_line.h"
#include "src/cli/failure.h"
#include "src/cli/selftest_command.h"
#include "src/cli/standard_streams.h"

namespace attnguard {
namespace {

int dispatch(const CommandLine& line) {
  if (line.command == "run") return run_command(line);
  if (line.command == "campaign") return campaign_command(line);
  if (line.command == "merge") return merge_command(line);
  if (line.command == "calibrate") return calibrate_command(line);
  if (line.command == "roc") return roc_command(line);
  if (line.command == "report") return report_command(line);
  if (line.command == "replay") return replay_command(line);
  if (line.command == "sites") return sites_command(line);
  if (line.command == "sweep") return sweep_command(line);
  if (line.command == "schema") return schema_command(line);
  if (line.command == "selftest") return selftest_command(line);
  throw std::logic_error("command without a function: " + line.command);
}

/// How what fmt::print throws begins. It has no file to name.
constexpr const char* kPrintFailed = "cannot write to file";

}  // namespace

int attnguard_main(const std::vector<std::string>& arguments) {
  int code = kDone;
  try {
    const ParsedCommandLine parsed = parse_command_line(arguments);
    if (parsed.text)
      fmt::print("{}", *parsed.text);
    else
      code = dispatch(parsed.command_line);
  } catch (...) {
    const Failure failure = current_failure();
    code = failure.code;
    if (failure.message.rfind(kPrintFailed, 0) != 0) tell("attnguard: " + failure.message + "\n");
  }
  if (output_is_complete()) return code;
  tell("attnguard: standard output: cannot be written; what was to be printed is incomplete\n");
  return code == kDone ? kUserError : code;
}

}  // namespace attnguard
