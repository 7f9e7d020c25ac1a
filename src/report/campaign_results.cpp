#include "src/report/campaign_results.h"

#include <fmt/format.h>

#include "src/config/user_error.h"
#include "src/files/input_file.h"

namespace attnguard {
namespace {

bool is_total(const std::string& site_class) { return site_class.rfind("total", 0) == 0; }

}  // namespace

Json read_json(const std::filesystem::path& file) {
  Json json;
  if (std::filesystem::exists(file)) json = Json::parse(read_file(file), nullptr, false);
  if (!json.is_object())
    throw UserError(file.string() + ": not readable; a result of attnguard, as it was written");
  return json;
}

CampaignResults::CampaignResults(const std::filesystem::path& folder)
    : folder_(folder),
      summary_(read_json(folder / "summary.json")),
      config_(read_json(folder / "config.json")),
      coverage_(folder / "coverage.csv"),
      latency_(folder / "latency.csv"),
      checkers_(coverage_.distinct("checker")),
      fault_classes_(coverage_.distinct("fault_class")) {
  const Json tolerance = config_.value(Json::json_pointer("/campaign/tolerance/relative"), Json());
  if (!tolerance.is_number())
    throw UserError((folder / "config.json").string() +
                    "#/campaign/tolerance/relative: missing; the configuration of a campaign");
  tolerance_ = tolerance.get<double>();
}

std::vector<std::size_t> CampaignResults::rows(std::string_view fault_class, bool totals) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < coverage_.size(); ++i)
    if (coverage_.text(i, "fault_class") == fault_class &&
        coverage_.text(i, "domain") == "function" &&
        coverage_.number(i, "tolerance") == tolerance_ &&
        is_total(coverage_.text(i, "site_class")) == totals)
      found.push_back(i);
  return found;
}

std::vector<std::size_t> CampaignResults::site_rows(std::string_view fault_class) const {
  return rows(fault_class, false);
}

std::vector<std::size_t> CampaignResults::total_rows(std::string_view fault_class) const {
  return rows(fault_class, true);
}

std::optional<std::size_t> CampaignResults::total_row(std::string_view fault_class,
                                                      std::string_view checker) const {
  for (const std::size_t i : total_rows(fault_class))
    if (coverage_.text(i, "site_class") == "total" && coverage_.text(i, "checker") == checker)
      return i;
  return std::nullopt;
}

std::string CampaignResults::interval_note() const {
  for (std::size_t i = 0; i < coverage_.size(); ++i)
    if (const std::optional<double> level = coverage_.number(i, "confidence"))
      return fmt::format("Lines are {:g} % intervals.", 100 * *level);
  return "Every fault was injected, so there are no intervals.";
}

HtmlCell coverage_cell(const Records& records, std::size_t row, const std::string& share,
                       const std::string& prefix) {
  const std::optional<double> value = records.number(row, prefix + share);
  if (!value) return {};
  const std::optional<double> low = records.number(row, prefix + "ci_low"),
                              high = records.number(row, prefix + "ci_high");
  return {low && high
              ? fmt::format("{:.1f} [{:.1f}, {:.1f}]", 100 * *value, 100 * *low, 100 * *high)
              : fmt::format("{:.1f}", 100 * *value),
          records.text(row, prefix + share)};
}

}  // namespace attnguard
