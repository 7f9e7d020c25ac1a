#include "src/campaign/finished_campaign.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "src/config/user_error.h"

namespace attnguard {

Prepared prepare_again(const std::filesystem::path& folder, const std::string& out) {
  CommandLine command_line;
  command_line.positional = {(folder / "config.json").string()};
  command_line.out = out;
  Prepared prepared = prepare(command_line);
  // The tensors may have changed since: then no row can be expected to come out the same.
  std::ifstream stream(folder / "summary.json");
  const auto summary = nlohmann::json::parse(stream, nullptr, false);
  if (!summary.is_object() ||
      summary.value("config_sha256", nlohmann::json()) != prepared.config_sha256)
    throw UserError(
        (folder / "config.json").string() +
        ": not the inputs of summary.json; the configuration and tensors of the campaign");
  return prepared;
}

}  // namespace attnguard
