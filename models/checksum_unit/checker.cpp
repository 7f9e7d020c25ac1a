#include "models/checksum_unit/checker.h"

#include "models/checksum_unit/checker_registers.h"

namespace attnguard {

void Checker::declare(FaultUniverse& universe) {
  for (RegisterBook* book : books_) book->declare(universe);
}

void Checker::reset() {
  for (RegisterBook* book : books_) book->reset();
  held_until_cycle_ = 0;
}

}  // namespace attnguard
