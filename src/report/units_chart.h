// What every unit did: busy cycles and stall cycles by reason.
#pragma once

#include <string>

#include "src/report/chart.h"
#include "src/report/html.h"

namespace attnguard {

/// `run`: as run.json.
Figure units_figure(const Json& run, const std::string& id);

/// Energy and area of every unit and checker.
HtmlTable cost_table(const Json& cost);

}  // namespace attnguard
