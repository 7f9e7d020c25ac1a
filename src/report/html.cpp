#include "src/report/html.h"

#include <fmt/format.h>

namespace attnguard {
namespace {

std::string cell(const HtmlCell& cell) {
  const std::string text = escape_html(cell.text);
  if (cell.value.empty()) return text;
  return fmt::format("<data value=\"{}\">{}</data>", escape_html(cell.value), text);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else if (c == '"')
      escaped += "&quot;";
    else if (c == '\'')
      escaped += "&#39;";
    else
      escaped += c;
  }
  return escaped;
}

std::string script_json(const nlohmann::ordered_json& json) {
  constexpr int kCompact = -1;
  constexpr bool kAscii = false;
  std::string escaped;
  // In JSON `<` stands only inside strings.
  for (const char c :
       json.dump(kCompact, ' ', kAscii, nlohmann::ordered_json::error_handler_t::replace))
    if (c == '<')
      escaped += "\\u003c";
    else
      escaped += c;
  return escaped;
}

std::string html_id(std::string_view text) {
  std::string id;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      id += c;
    else if (c >= 'A' && c <= 'Z')
      id += static_cast<char>(c - 'A' + 'a');
    else if (!id.empty() && id.back() != '-')
      id += '-';
  }
  return id;
}

std::string html(const HtmlTable& table) {
  // A wide table scrolls on its own; the keyboard reaches it.
  std::string text = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">"
      "<table>\n<caption>{0}</caption>\n<thead><tr>",
      escape_html(table.caption));
  for (const std::string& name : table.head)
    text += fmt::format("<th scope=\"col\">{}</th>", escape_html(name));
  text += "</tr></thead>\n<tbody>\n";
  for (const std::vector<HtmlCell>& row : table.rows) {
    text += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      text += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", cell(row[i]))
                     : fmt::format("<td>{}</td>", cell(row[i]));
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string html(const Figure& figure) {
  return fmt::format(
      "<figure id=\"{0}\">\n<h3>{1}</h3>\n"
      "<div class=\"chart\" data-spec=\"{0}-spec\"><div class=\"controls\"></div>"
      "<div role=\"img\" aria-label=\"{2}\"><div class=\"picture\"></div></div></div>\n"
      "<figcaption>{3}</figcaption>\n"
      "<script type=\"application/json\" id=\"{0}-spec\">{4}</script>\n{5}</figure>\n",
      escape_html(figure.id), escape_html(figure.title), escape_html(figure.label),
      escape_html(figure.caption), script_json(figure.spec),
      html_details(figure.title + " as a table", html(figure.table)));
}

std::string html_details(std::string_view summary, std::string_view content) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(summary),
                     content);
}

std::string html_paragraph(std::string_view text) {
  return fmt::format("<p>{}</p>\n", escape_html(text));
}

std::string html_code(std::string_view text) {
  return fmt::format("<pre tabindex=\"0\"><code>{}</code></pre>\n", escape_html(text));
}

}  // namespace attnguard
