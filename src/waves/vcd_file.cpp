#include "src/waves/vcd_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <tuple>

#include "src/config/version.h"
#include "src/files/output_file.h"

namespace attnguard {
namespace {

/// Identifier codes: the printable characters from ! to ~ as digits.
std::string code(std::size_t variable) {
  constexpr std::size_t kCharacters = 94;
  std::string text;
  for (;; variable = variable / kCharacters - 1) {
    text += static_cast<char>('!' + variable % kCharacters);
    if (variable < kCharacters) return text;
  }
}

std::string time_line(std::uint64_t ps) { return fmt::format("#{}\n", ps); }

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts{""};
  for (const char c : path)
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

}  // namespace

VcdFile::Variable VcdFile::add(const std::string& path, Kind kind) {
  variables_.push_back({path, kind});
  return variables_.size() - 1;
}

void VcdFile::change(Variable variable, std::uint64_t time, std::string value) {
  changes_.push_back({time, variable, std::move(value)});
}
void VcdFile::set_wire(Variable variable, std::uint64_t time, bool value) {
  change(variable, time, value ? "1" : "0");
}
void VcdFile::set_integer(Variable variable, std::uint64_t time, std::uint64_t value) {
  change(variable, time, fmt::format("b{:b} ", value));
}
void VcdFile::set_real(Variable variable, std::uint64_t time, double value) {
  change(variable, time, fmt::format("r{:.16g} ", value));
}
void VcdFile::set_text(Variable variable, std::uint64_t time, std::string_view value) {
  std::string text = "s";
  for (const char c : value) text += std::isspace(static_cast<unsigned char>(c)) != 0 ? '_' : c;
  change(variable, time, text + " ");
}
void VcdFile::set_unknown(Variable variable, std::uint64_t time) {
  static constexpr const char* kUnknown[] = {"x", "bx ", "rnan ", "sx "};
  change(variable, time, kUnknown[static_cast<std::size_t>(variables_[variable].kind)]);
}

/// Scopes open in the order of their first variable.
std::string VcdFile::declarations() const {
  static constexpr const char* kTypes[] = {"wire 1", "integer 32", "real 64", "string 1"};
  std::vector<std::string> scope;
  std::string text;
  for (Variable v = 0; v < variables_.size(); ++v) {
    std::vector<std::string> parts = parts_of(variables_[v].path);
    const std::string name = parts.back();
    parts.pop_back();
    const auto [open, wanted] =
        std::mismatch(scope.begin(), scope.end(), parts.begin(), parts.end());
    for (auto at = open; at != scope.end(); ++at) text += "$upscope $end\n";
    for (auto at = wanted; at != parts.end(); ++at)
      text += fmt::format("$scope module {} $end\n", *at);
    scope = parts;
    text += fmt::format("$var {} {} {} $end\n",
                        kTypes[static_cast<std::size_t>(variables_[v].kind)], code(v), name);
  }
  for (std::size_t i = 0; i < scope.size(); ++i) text += "$upscope $end\n";
  return text;
}

void VcdFile::write(const std::filesystem::path& file, std::uint64_t tick_ps,
                    std::uint64_t end) const {
  std::vector<const Change*> order;
  for (const Change& change : changes_) order.push_back(&change);
  std::stable_sort(order.begin(), order.end(), [](const Change* a, const Change* b) {
    return std::tie(a->time, a->variable) < std::tie(b->time, b->variable);
  });

  OutputFile output(file);
  output << fmt::format("$version attnguard {} $end\n$timescale 1 ps $end\n", tool_version())
         << declarations() << "$enddefinitions $end\n";
  std::vector<const std::string*> shown(variables_.size());
  bool begun = false;
  std::uint64_t now = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Change& change = *order[i];
    const bool last = i + 1 == order.size() || order[i + 1]->time != change.time ||
                      order[i + 1]->variable != change.variable;
    const std::string*& value = shown[change.variable];
    if (!last || (value != nullptr && *value == change.value)) continue;
    value = &change.value;
    if (!begun || change.time != now) output << time_line((now = change.time) * tick_ps);
    begun = true;
    output << change.value << code(change.variable) << "\n";
  }
  if (now < end) output << time_line(end * tick_ps);
  output.finish();
}

}  // namespace attnguard
