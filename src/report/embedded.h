// Files that are part of the executable and of every report.
#pragma once

#include <string_view>

namespace attnguard {

/// The modules of Vega 5, each a call of `vegaModule(name, factory)`, which page.js defines.
std::string_view vega_js();
std::string_view page_css();
std::string_view page_js();
/// Copyright and licence of what vega_js() holds.
std::string_view vega_licence();

}  // namespace attnguard
