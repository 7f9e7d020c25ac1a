#include "src/report/report.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "src/config/user_error.h"
#include "src/report/campaign_report.h"
#include "src/report/campaign_results.h"
#include "src/report/page.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

enum class Kind { run, campaign, sweep };

Kind kind_of(const fs::path& folder) {
  if (fs::exists(folder / "run.json")) return Kind::run;
  if (fs::exists(folder / "sweep.json")) return Kind::sweep;
  if (fs::exists(folder / "summary.json")) return Kind::campaign;
  if (fs::exists(folder / "chunks"))
    throw UserError(folder.string() +
                    ": an unfinished campaign; finish it with `attnguard campaign … --resume`");
  throw UserError(folder.string() +
                  ": no result; a folder that `attnguard run`, `campaign` or `sweep` wrote");
}

std::vector<Section> sections_of(const fs::path& folder, const std::string& id) {
  switch (kind_of(folder)) {
    case Kind::campaign:
      return campaign_sections(CampaignResults(folder), id);
    case Kind::run:
    case Kind::sweep:
      break;
  }
  return {};
}

}  // namespace

std::string report_page(const std::vector<fs::path>& folders) {
  std::vector<Section> sections;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const std::string id = folders.size() == 1 ? "" : fmt::format("r{}-", i + 1);
    std::vector<Section> part = sections_of(folders[i], id);
    std::move(part.begin(), part.end(), std::back_inserter(sections));
  }
  return page(folders.front().string(), sections);
}

}  // namespace attnguard
