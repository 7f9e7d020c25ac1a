// Pieces of the page: text that cannot break out of it, tables, figures.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnguard {

/// For text and quoted attributes of HTML.
std::string escape_html(std::string_view text);

/// JSON that can stand inside a script element: no `<` is left in it.
std::string script_json(const nlohmann::ordered_json& json);

/// A word for attributes `id`: lower case, digits and hyphens.
std::string html_id(std::string_view text);

/// What a reader sees, and the exact value behind it as the result file has it, if there is one.
struct HtmlCell {
  HtmlCell() = default;
  HtmlCell(std::string shown) : text(std::move(shown)) {}  // NOLINT(google-explicit-constructor)
  HtmlCell(const char* shown) : text(shown) {}             // NOLINT(google-explicit-constructor)
  HtmlCell(std::string shown, std::string exact)
      : text(std::move(shown)), value(std::move(exact)) {}

  std::string text, value;
};

/// The first column names the row.
struct HtmlTable {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<HtmlCell>> rows;
};

/// One picture with everything that explains it, and its figures as a table.
struct Figure {
  std::string id;
  std::string title;
  std::string caption;  ///< what the picture says and how to read it
  std::string label;    ///< of the picture, for those who do not see it
  nlohmann::ordered_json spec;
  HtmlTable table;
};

std::string html(const HtmlTable& table);
std::string html(const Figure& figure);
/// Hidden until opened.
std::string html_details(std::string_view summary, std::string_view content);
std::string html_paragraph(std::string_view text);
/// Commands or a file, as they are.
std::string html_code(std::string_view text);

}  // namespace attnguard
