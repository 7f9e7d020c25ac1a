#include "src/campaign/faults/fault_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "src/config/nearest.h"
#include "src/config/sha256.h"
#include "src/config/user_error.h"
#include "src/files/csv.h"
#include "src/files/csv_reader.h"

namespace attnguard {
namespace {

enum class Column {
  injection,
  fault_model,
  site,
  bit,
  bits_flipped,
  pattern,
  inject_cycle,
  access,
  value,
  period_cycles,
  duty_cycles,
  carry,
  delay_cycles,
  count
};
constexpr auto kColumns = static_cast<std::size_t>(Column::count);
constexpr std::array<std::string_view, kColumns> kNames{
    "injection",   "fault_model",  "site",        "bit",   "bits_flipped",
    "pattern",     "inject_cycle", "access",      "value", "period_cycles",
    "duty_cycles", "carry",        "delay_cycles"};

constexpr std::string_view name_of(Column column) {
  return kNames[static_cast<std::size_t>(column)];
}

class ListParser {
 public:
  ListParser(const std::filesystem::path& file, const std::string& name) : reader_(file, name) {
    position_.fill(kAbsent);
  }

  const std::string& text() const { return reader_.text(); }

  void parse(CampaignConfig& config) {
    read_header();
    std::set<std::uint64_t> seen;
    std::optional<std::uint64_t> current;
    while (std::optional<CsvRow> row = reader_.next()) {
      row_ = &*row;
      if (row->fields.size() != fields_)
        reject(std::nullopt, fmt::format("{} fields", row->fields.size()),
               fmt::format("{}, as the first line has", fields_));
      const std::optional<std::uint64_t> injection =
          number<std::uint64_t>(Column::injection, 0, std::numeric_limits<std::uint64_t>::max());
      const FaultConfig fault = read_fault();
      if (injection && injection == current) {
        config.faults.back().also.push_back(fault);
        config.list_lines.back().push_back(row->line);
        continue;
      }
      if (injection && !seen.insert(*injection).second)
        reject(Column::injection, std::to_string(*injection),
               "rows of one injection next to each other");
      current = injection;
      config.faults.emplace_back();
      static_cast<FaultConfig&>(config.faults.back()) = fault;
      config.list_lines.push_back({row->line});
    }
    if (config.faults.empty())
      reader_.reject(2, "", "no fault", "at least one row after the first line");
  }

 private:
  static constexpr std::size_t kAbsent = ~std::size_t{0};

  [[noreturn]] void reject(std::optional<Column> column, std::string_view value,
                           std::string_view allowed) const {
    reader_.reject(row_ != nullptr ? row_->line : 1, column ? name_of(*column) : "", value,
                   allowed);
  }

  void read_header() {
    const std::optional<CsvRow> header = reader_.next();
    if (!header) reader_.reject(1, "", "empty", fmt::format("a first line of {}", all_names()));
    fields_ = header->fields.size();
    for (std::size_t i = 0; i < fields_; ++i) {
      const std::string& field = header->fields[i];
      const auto found = std::find(kNames.begin(), kNames.end(), field);
      if (found == kNames.end())
        reader_.reject(1, field, "unknown column", "allowed: " + all_names());
      std::size_t& position = position_[static_cast<std::size_t>(found - kNames.begin())];
      if (position != kAbsent) reader_.reject(1, field, "named twice", "each column at most once");
      position = i;
    }
    for (const Column required : {Column::fault_model, Column::site})
      if (position_[static_cast<std::size_t>(required)] == kAbsent)
        reader_.reject(1, name_of(required), "missing", "required, as every fault has one");
  }
  static std::string all_names() { return fmt::format("{}", fmt::join(kNames, ", ")); }

  std::string_view field(Column column) const {
    const std::size_t at = position_[static_cast<std::size_t>(column)];
    return at == kAbsent ? std::string_view() : std::string_view(row_->fields[at]);
  }

  template <class T>
  std::optional<T> number(Column column, std::uint64_t low, std::uint64_t high) const {
    std::string_view text = field(column);
    if (text.empty()) return std::nullopt;
    const bool hex = text.substr(0, 2) == "0x";
    if (hex) text.remove_prefix(2);
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
      reject(column, fmt::format("\"{}\"", field(column)),
             fmt::format("an integer from {} to {}", low, high));
    return static_cast<T>(value);
  }

  template <class E>
  std::optional<E> name(Column column, bool required) const {
    const std::string text(field(column));
    if (text.empty() && !required) return std::nullopt;
    std::vector<std::string> names;
    for (const auto& [value, known] : EnumNames<E>::names) {
      if (text == known) return value;
      names.emplace_back(known);
    }
    reject(column, fmt::format("\"{}\"", text), suggest(text, names));
  }

  FaultConfig read_fault() const {
    using std::uint32_t;
    constexpr std::uint64_t kCycles = 1'000'000'000;
    FaultConfig fault;
    fault.site = field(Column::site);
    if (fault.site.empty()) reject(Column::site, "missing", "the path of a site");
    fault.kind = *name<FaultModel>(Column::fault_model, true);
    fault.bit = number<uint32_t>(Column::bit, 0, kCycles).value_or(0);
    fault.pattern =
        number<std::uint64_t>(Column::pattern, 1, std::numeric_limits<std::uint64_t>::max());
    // Of a pattern it says how many, which the pattern says itself.
    const auto bits = number<uint32_t>(Column::bits_flipped, 1, 64);
    if (!fault.pattern) fault.bits = bits.value_or(1);
    fault.cycle = number<std::uint64_t>(Column::inject_cycle, 0, 1'000'000'000'000'000);
    fault.access = number<uint32_t>(Column::access, 1, 4'000'000'000);
    FaultParameters& parameters = fault.parameters;
    parameters.value = number<uint32_t>(Column::value, 0, 1);
    parameters.period_cycles = number<uint32_t>(Column::period_cycles, 1, kCycles);
    parameters.duty_cycles = number<uint32_t>(Column::duty_cycles, 1, kCycles);
    parameters.carry = name<CarryError>(Column::carry, false);
    parameters.delay_cycles = number<uint32_t>(Column::delay_cycles, 1, 1'000'000);
    return fault;
  }

  CsvReader reader_;
  std::array<std::size_t, kColumns> position_{};
  std::size_t fields_ = 0;
  const CsvRow* row_ = nullptr;
};

}  // namespace

std::string fault_list_header() {
  CsvLine line;
  for (const std::string_view column : kNames) line.add(column);
  return line.str();
}

std::string fault_list_rows(const FaultUniverse& universe, const Injection& injection) {
  std::string text;
  for (const Fault& fault : injection.all()) {
    CsvLine line;
    const FaultBehaviour& how = fault.how;
    line.add(injection.number).add(enum_name(how.model)).add(universe.name(fault.site));
    line.add(fault.bit).add(fault.bits_flipped);
    if (fault.pattern != 0)
      line.add(fmt::format("{:#x}", fault.pattern));
    else
      line.skip();
    line.add(fault.cycle).skip();
    if (how.model == FaultModel::intermittent)
      line.add(how.value).add(how.period_cycles).add(how.duty_cycles);
    else
      line.skip(3);
    if (how.model == FaultModel::carry)
      line.add(enum_name(how.missing ? CarryError::missing : CarryError::wrong));
    else
      line.skip();
    if (how.model == FaultModel::delay)
      line.add(fault.delay_cycles);
    else
      line.skip();
    text += line.str();
  }
  return text;
}

std::string read_fault_list(const std::filesystem::path& file, const std::string& name,
                            CampaignConfig& config) {
  config.list_file = name;
  ListParser parser(file, name);
  parser.parse(config);
  return sha256_hex(parser.text());
}

}  // namespace attnguard
