#include "src/campaign/finished_campaign.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "src/config/user_error.h"
#include "src/files/input_file.h"
#include "src/simulation/errors.h"

namespace attnguard {

std::filesystem::path injections_file(const std::filesystem::path& folder) {
  std::filesystem::path file = folder / "injections.csv";
  if (!std::ifstream(file))
    throw UserError(folder.string() +
                    ": no injections.csv; a folder that `attnguard campaign` wrote");
  return file;
}

FinishedCampaign reopen_campaign(const std::filesystem::path& folder, const std::string& out) {
  injections_file(folder);
  CommandLine command_line;
  command_line.positional = {(folder / "config.json").string()};
  command_line.out = out;
  Prepared prepared = prepare(command_line);
  // The tensors may have changed since: then no row can be expected to come out the same.
  const auto summary = nlohmann::json::parse(read_file(folder / "summary.json"), nullptr, false);
  if (!summary.is_object() ||
      summary.value("config_sha256", nlohmann::json()) != prepared.config_sha256 ||
      !summary.value("injections", nlohmann::json()).is_number_unsigned())
    throw UserError(
        (folder / "config.json").string() +
        ": not the inputs of summary.json; the configuration and tensors of the campaign");
  return {std::move(prepared), summary["injections"].get<std::uint64_t>()};
}

void cut_to(CampaignPlan& plan, std::uint64_t injections) {
  const std::vector<std::uint64_t>& looks = plan.looks();
  const auto look = std::find(looks.begin(), looks.end(), injections);
  if (look == looks.end())
    throw ModelError("summary.json is not of this configuration and version");
  plan.cut(static_cast<std::size_t>(look - looks.begin()));
}

}  // namespace attnguard
