// The executable: dispatches to the command and turns every failure into one message and an exit
// code.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <systemc>
#include <vector>

#include "src/cli/command_line.h"
#include "src/cli/failure.h"

namespace attnguard {
namespace {

int dispatch(const CommandLine& line) {
  if (line.command == "run") return run_command(line);
  if (line.command == "campaign") return campaign_command(line);
  if (line.command == "replay") return replay_command(line);
  if (line.command == "sites") return sites_command(line);
  if (line.command == "sweep") return sweep_command(line);
  if (line.command == "schema") return schema_command(line);
  throw std::logic_error("command without a function: " + line.command);
}

int guarded(const std::vector<std::string>& arguments) {
  try {
    const ParsedCommandLine parsed = parse_command_line(arguments);
    if (!parsed.text) return dispatch(parsed.command_line);
    fmt::print("{}", *parsed.text);
    return kDone;
  } catch (...) {
    const Failure failure = current_failure();
    fmt::print(stderr, "attnguard: {}\n", failure.message);
    return failure.code;
  }
}

}  // namespace
}  // namespace attnguard

int sc_main(int argc, char** argv) {
  return attnguard::guarded(std::vector<std::string>(argv + 1, argv + argc));
}

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
