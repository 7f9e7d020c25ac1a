#include "src/report/header.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/report/html.h"

namespace attnguard {
namespace {

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::string header_paragraph(const Json& header) {
  const Json array = header.value("array", Json::object());
  const Json shape = header.value("workload", Json::object());
  std::string workload;
  for (const auto& [key, value] : shape.items())
    workload += fmt::format("{}{} {}", workload.empty() ? "" : ", ", key, text_of(value));
  std::string text = fmt::format("Workload: {}. ", workload);
  if (array.contains("rows"))
    text += fmt::format("Array: {} × {}, {}. ", text_of(array["rows"]), text_of(array["cols"]),
                        text_of(array.value("dataflow", Json(""))));
  text += fmt::format("Fidelity: {}. Seed: {}.", text_of(header.value("fidelity", Json(""))),
                      text_of(header.value("seed", Json(""))));
  return fmt::format("<p class=\"facts\">{}</p>\n", escape_html(text));
}

std::string reproduction(const Json& header, const Json& config,
                         const std::vector<std::pair<std::string, std::string>>& commands) {
  const Json tool = header.value("tool", Json::object());
  std::size_t width = 0;
  for (const auto& [command, meaning] : commands) width = std::max(width, command.size());
  std::string lines;
  for (const auto& [command, meaning] : commands)
    lines += fmt::format("{:<{}}  # {}\n", command, width, meaning);
  HtmlTable hashes{"Inputs", {"input", "SHA-256"}, {}};
  hashes.rows.push_back({"configuration", text_of(header.value("config_sha256", Json("")))});
  const Json inputs = header.value("inputs", Json::object());
  for (const auto& [input, hash] : inputs.items()) hashes.rows.push_back({input, text_of(hash)});
  return html_paragraph(fmt::format("Made with {} {} ({}).", text_of(tool.value("name", Json(""))),
                                    text_of(tool.value("version", Json(""))),
                                    text_of(tool.value("git", Json(""))))) +
         html_code(lines) +
         html_details("The effective configuration, every default filled in",
                      html_code(config.dump(2, ' ', false, Json::error_handler_t::replace))) +
         html_details("Hashes of the inputs", html(hashes));
}

}  // namespace attnguard
