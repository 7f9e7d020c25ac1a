#include "src/report/page.h"

#include <fmt/format.h>

#include "src/config/version.h"
#include "src/report/embedded.h"
#include "src/report/html.h"

namespace attnguard {
namespace {

// The browser itself refuses to fetch anything. Vega compiles its expressions, hence unsafe-eval.
constexpr const char* kPolicy =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' "
    "'unsafe-eval'";

std::string head(const std::string& title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"generator\" content=\"attnguard {}\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n",
      kPolicy, escape_html(tool_version()), escape_html(title), page_css());
}

std::string contents(const std::vector<Section>& sections) {
  std::string text = "<nav aria-label=\"Contents\">\n";
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const Section& section = sections[i];
    const bool opens = i == 0 || section.group != sections[i - 1].group;
    const bool closes = i + 1 == sections.size() || section.group != sections[i + 1].group;
    if (opens && !section.group.empty())
      text += fmt::format("<p>{}</p>\n", escape_html(section.group));
    if (opens) text += "<ul>\n";
    text += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", escape_html(section.id),
                        escape_html(section.title));
    if (closes) text += "</ul>\n";
  }
  return text + "</nav>\n";
}

std::string heading(const Section& section) {
  return section.group.empty() ? section.title : section.group + ": " + section.title;
}

std::string footer() {
  return fmt::format(
      "<footer>\n<p>Written by attnguard {} ({}). The page holds everything it shows and fetches "
      "nothing.</p>\n{}</footer>\n",
      escape_html(tool_version()), escape_html(tool_git()),
      html_details("Licences of the plotting library in this page", html_code(vega_licence())));
}

}  // namespace

std::string page(const std::string& title, const std::vector<Section>& sections) {
  std::string text = head(title);
  text += fmt::format(
      "<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n"
      "<header>\n<h1>{}</h1>\n{}</header>\n<main id=\"content\">\n"
      "<noscript><p class=\"warning\">The pictures need JavaScript; their figures are in the "
      "tables below them.</p></noscript>\n",
      escape_html(title), contents(sections));
  for (const Section& section : sections)
    text += fmt::format(
        "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 "
        "id=\"{0}-title\">{1}</h2>\n{2}</section>\n",
        escape_html(section.id), escape_html(heading(section)), section.content);
  text += "</main>\n" + footer();
  text += "<script>\n";
  text += page_js();
  text += vega_js();
  text += "drawCharts();\n</script>\n</body>\n</html>\n";
  return text;
}

}  // namespace attnguard
