// any_of: a combination of checkers. It alarms when one of its members' alarm lines is high.
//
// An OR gate on lines that are there already: it holds no state, observes nothing and has no line
// of its own, so it is told from its members' results and adds no fault site.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/checksum_unit/checker_options.h"
#include "models/fabric/field.h"

namespace attnguard {

struct AnyOfConfig {
  static constexpr std::string_view kind = "any_of";
  static constexpr bool for_gemm = true;
  std::unique_ptr<Checker> make_checker(const std::string& name, const CheckerDimensions&) const {
    throw std::logic_error("a combination has no checker of its own: " + name);
  }

  std::vector<std::string> members;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"members", "names of the checkers of which one alarm is enough", 0, 0, true},
      self.members);
  }
};

/// A checker without hardware of its own.
inline bool is_combination(const CheckerConfig& checker) {
  return checker.options.get_if<AnyOfConfig>() != nullptr;
}

}  // namespace attnguard
