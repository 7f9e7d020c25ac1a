// attnguard schema: what a configuration may hold.
#include <fmt/format.h>

#include "src/cli/command_line.h"
#include "src/config/schema.h"
#include "src/config/user_error.h"

namespace attnguard {

int schema_command(const CommandLine& command_line) {
  if (command_line.positional.empty()) {
    fmt::print("{}\n", config_schema().dump(2));
    return kDone;
  }
  if (command_line.positional[0] != "keys")
    throw UserError(fmt::format("schema: {}; nothing, or keys", command_line.positional[0]));
  fmt::print("{}", key_table());
  return kDone;
}

}  // namespace attnguard
