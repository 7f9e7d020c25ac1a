#include "src/report/result.h"

#include "src/config/user_error.h"
#include "src/files/resumable_folder.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

ResultKind kind_of(const fs::path& folder) {
  if (fs::exists(folder / "run.json")) return ResultKind::run;
  if (fs::exists(folder / "sweep.json")) return ResultKind::sweep;
  if (fs::exists(folder / "summary.json")) return ResultKind::campaign;
  if (fs::exists(folder / kCampaignFolder.work) || fs::exists(folder / kSweepFolder.work))
    throw UserError(folder.string() +
                    ": not finished; a result (go on with `attnguard … --resume`)");
  throw UserError(folder.string() +
                  ": no result; a folder that `attnguard run`, `campaign` or `sweep` wrote");
}

}  // namespace

const char* kind_name(ResultKind kind) {
  switch (kind) {
    case ResultKind::run:
      return "run";
    case ResultKind::campaign:
      return "campaign";
    case ResultKind::sweep:
      break;
  }
  return "sweep";
}

Result read_result(const fs::path& folder, const std::string& name) {
  Result result;
  result.kind = kind_of(folder);
  result.folder = folder;
  result.name = name;
  if (result.kind == ResultKind::run) result.run = read_json(folder / "run.json");
  if (result.kind == ResultKind::campaign) {
    result.campaign.emplace(folder);
    result.golden = golden_run(folder);
    result.run = result.golden.run;
  }
  return result;
}

}  // namespace attnguard
