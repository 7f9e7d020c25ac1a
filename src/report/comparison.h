// Several results side by side.
#pragma once

#include <vector>

#include "src/report/page.h"
#include "src/report/result.h"

namespace attnguard {

Section comparison_section(const std::vector<Result>& results);

}  // namespace attnguard
