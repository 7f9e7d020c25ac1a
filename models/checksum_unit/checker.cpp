#include "models/checksum_unit/checker.h"

#include <algorithm>

#include "models/checksum_unit/checker_registers.h"

namespace attnguard {

void Checker::declare(FaultUniverse& universe) {
  for (RegisterBook* book : books_) book->declare(universe);
}

void Checker::reset() {
  for (RegisterBook* book : books_) book->reset();
  held_until_cycle_ = 0;
}

bool Checker::outlives_query_tiles() const {
  return std::any_of(books_.begin(), books_.end(),
                     [](const RegisterBook* book) { return book->shape().outlives_query_tiles(); });
}

}  // namespace attnguard
