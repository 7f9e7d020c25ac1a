#include "src/cost/technology.h"

#include <fmt/format.h>

#include <stdexcept>

#include "src/config/document.h"
#include "src/config/reader.h"
#include "src/cost/technology_28nm.h"

namespace attnguard {
namespace {

Technology read(const Json& document, const std::string& name) {
  const ConfigOrigin origin{name, {}};
  Technology technology;
  read_struct(document, Cursor{origin, ""}, technology);
  const std::vector<SramMacro>& macros = technology.sram.macros;
  if (macros.empty()) origin.reject("/sram/macros", "[]", "at least one memory");
  for (std::size_t i = 1; i < macros.size(); ++i)
    if (macros[i].bytes <= macros[i - 1].bytes)
      origin.reject(fmt::format("/sram/macros/{}/bytes", i), std::to_string(macros[i].bytes),
                    fmt::format("more than the {} of the memory before it", macros[i - 1].bytes));
  return technology;
}

/// Of a macro itself.
SramPrice price_of(const SramMacro& macro) {
  const auto line = static_cast<double>(macro.line_bytes);
  return {macro.read_pj / line, macro.write_pj / line, macro.area_um2, macro.leakage_mw};
}

}  // namespace

SramPrice SramPrices::of(double bytes) const {
  const SramMacro& smallest = macros.front();
  if (macros.size() == 1 || bytes <= static_cast<double>(smallest.bytes)) {
    SramPrice price = price_of(smallest);
    const double share = bytes / static_cast<double>(smallest.bytes);
    price.area_um2 *= share;
    price.leakage_mw *= share;
    return price;
  }
  std::size_t upper = 1;
  while (upper + 1 < macros.size() && bytes > static_cast<double>(macros[upper].bytes)) ++upper;
  const SramPrice a = price_of(macros[upper - 1]), b = price_of(macros[upper]);
  const auto from = static_cast<double>(macros[upper - 1].bytes);
  const double at = (bytes - from) / (static_cast<double>(macros[upper].bytes) - from);
  const auto between = [at](double low, double high) { return low + at * (high - low); };
  return {between(a.read_pj_per_byte, b.read_pj_per_byte),
          between(a.write_pj_per_byte, b.write_pj_per_byte), between(a.area_um2, b.area_um2),
          between(a.leakage_mw, b.leakage_mw)};
}

const Price& Technology::of(Operation operation, Format format) const {
  const FormatPrices* prices[] = {&add, &multiply, &divide, &compare};
  const FormatPrices& all = *prices[static_cast<std::size_t>(operation)];
  switch (format) {
    case Format::bfloat16:
      return all.bfloat16;
    case Format::float16:
      return all.float16;
    case Format::float32:
      return all.float32;
    case Format::float64:
      return all.float64;
    case Format::int8:
      if (operation == Operation::multiply) return multiply.int8;
      break;
    case Format::int32:
      if (operation == Operation::add) return add.int32;
      if (operation == Operation::multiply) return multiply.int32;
      if (operation == Operation::compare) return compare.float32;
      break;
    case Format::flag:
    case Format::low_half:
      break;
  }
  throw std::logic_error("no arithmetic in this format");
}

Technology built_in_technology() {
  const std::string name = "built-in 28nm.json";
  return read(parse_json(kTechnology28nm, name), name);
}

Technology read_technology(const std::filesystem::path& file) {
  return read(parse_json_file(file), file.string());
}

}  // namespace attnguard
