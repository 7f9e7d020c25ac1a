#include "src/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "src/config/user_error.h"
#include "src/report/campaign_sections.h"
#include "src/report/comparison.h"
#include "src/report/page.h"
#include "src/report/result.h"
#include "src/report/run_sections.h"
#include "src/report/sweep_sections.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

/// The last part of each path, or the whole of those where that is not unique.
std::vector<std::string> names_of(const std::vector<fs::path>& folders) {
  const auto last = [](const fs::path& folder) {
    const fs::path path = folder.lexically_normal();
    return (path.has_filename() ? path.filename() : path.parent_path().filename()).string();
  };
  std::vector<std::string> names;
  for (const fs::path& folder : folders) {
    const auto same = std::count_if(folders.begin(), folders.end(), [&](const fs::path& other) {
      return last(other) == last(folder);
    });
    names.push_back(same == 1 ? last(folder) : folder.string());
  }
  return names;
}

std::vector<Section> sections_of(const Result& result, const std::string& id) {
  switch (result.kind) {
    case ResultKind::run:
      return run_sections(result.folder, result.run, id);
    case ResultKind::campaign:
      return campaign_sections(*result.campaign, result.golden, id);
    case ResultKind::sweep:
      break;
  }
  return sweep_sections(result.folder, id);
}

}  // namespace

std::string report_page(const std::vector<fs::path>& folders) {
  const std::vector<std::string> names = names_of(folders);
  std::vector<Result> results;
  std::vector<Section> sections;
  for (std::size_t i = 0; i < folders.size(); ++i) try {
      results.push_back(read_result(folders[i], names[i]));
      std::vector<Section> part =
          sections_of(results.back(), folders.size() == 1 ? "" : fmt::format("r{}-", i + 1));
      if (folders.size() > 1)
        for (Section& section : part) section.group = names[i];
      std::move(part.begin(), part.end(), std::back_inserter(sections));
    } catch (const Json::exception& error) {
      throw UserError(fmt::format("{}: {}; results as attnguard wrote them", folders[i].string(),
                                  error.what()));
    }
  if (results.size() == 1)
    return page(fmt::format("{}: {}", kind_name(results.front().kind), names.front()), sections);
  sections.insert(sections.begin(), comparison_section(results));
  return page(fmt::format("{} results compared", results.size()), sections);
}

}  // namespace attnguard
