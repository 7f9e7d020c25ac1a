#include "src/config/checker_kinds.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "models/checksum_unit/any_of.h"
#include "models/checksum_unit/attnchecker.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/duplicated_softmax.h"
#include "models/checksum_unit/efta.h"
#include "models/checksum_unit/memory_protection.h"
#include "models/checksum_unit/range_check.h"
#include "models/checksum_unit/statistical_abft.h"

namespace attnguard {
namespace {

/// Kinds belong to the program, like its commands: set up before main's work, then only read.
std::vector<CheckerKind>& kinds() {
  static std::vector<CheckerKind> all{checker_kind<FlashAbftConfig>(),
                                      checker_kind<MatmulAbftConfig>(),
                                      checker_kind<EftaConfig>(),
                                      checker_kind<AttnCheckerConfig>(),
                                      checker_kind<StatisticalAbftConfig>(),
                                      checker_kind<RangeCheckConfig>(),
                                      checker_kind<DuplicatedSoftmaxConfig>(),
                                      checker_kind<MemoryProtectionConfig>(),
                                      checker_kind<AnyOfConfig>()};
  return all;
}

}  // namespace

const std::vector<CheckerKind>& checker_kinds() { return kinds(); }

void add_checker_kind(CheckerKind kind) {
  const bool taken = std::any_of(kinds().begin(), kinds().end(),
                                 [&](const CheckerKind& other) { return other.name == kind.name; });
  if (taken) throw std::logic_error("two kinds of checker are called " + kind.name);
  kinds().push_back(std::move(kind));
}

}  // namespace attnguard
