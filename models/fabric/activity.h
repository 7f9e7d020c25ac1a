// What a unit's hardware consists of and what it did in a run: what a cost model puts prices to.
// Counts only, no constants. Definitions of every count: docs/cost.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/fabric/field.h"
#include "models/numerics/exp2.h"
#include "models/numerics/format.h"

namespace attnguard {

/// add: also a subtraction. divide: also a reciprocal and a square root. compare: also a maximum.
enum class Operation : std::uint8_t { add, multiply, divide, compare };
template <>
struct EnumNames<Operation> {
  static constexpr std::array<std::pair<Operation, std::string_view>, 4> names{
      {{Operation::add, "add"},
       {Operation::multiply, "multiply"},
       {Operation::divide, "divide"},
       {Operation::compare, "compare"}}};
};

/// Operations of one kind in one format.
struct OperationUse {
  Operation operation = Operation::add;
  Format format = Format::float32;
  std::uint64_t operations = 0;  ///< carried out in the run
  std::uint64_t units = 0;       ///< adders, multipliers, … the hardware has for them
};

/// The arithmetic of a piece of hardware, one entry per kind and format.
class Arithmetic {
 public:
  /// `units` is 0 where units counted before do these operations too.
  void use(Operation operation, Format format, std::uint64_t operations, std::uint64_t units) {
    for (OperationUse& use : uses_) {
      if (use.operation != operation || use.format != format) continue;
      use.operations += operations;
      use.units += units;
      return;
    }
    uses_.push_back({operation, format, operations, units});
  }
  /// Multiplications whose products are added.
  void multiply_add(Format format, std::uint64_t operations, std::uint64_t units) {
    use(Operation::multiply, format, operations, units);
    use(Operation::add, format, operations, units);
  }
  /// Evaluations of 2^x in float32 as numerics/exp2-inl.h makes them: the fraction is x less its
  /// floor; then Horner's rule of degree 6, or a chord at the distance from its left end.
  void exp2(Exp2Kind kind, std::uint64_t evaluations, std::uint64_t units) {
    const bool polynomial = kind == Exp2Kind::polynomial;
    const std::uint64_t multiplications = polynomial ? 6 : 1, additions = polynomial ? 7 : 3;
    use(Operation::multiply, Format::float32, multiplications * evaluations,
        multiplications * units);
    use(Operation::add, Format::float32, additions * evaluations, additions * units);
  }
  const std::vector<OperationUse>& uses() const { return uses_; }

 private:
  std::vector<OperationUse> uses_;
};

/// Storage of one kind.
struct StorageUse {
  std::string name;  ///< a buffer, or a class of fault sites
  bool sram = false;
  std::uint64_t bits = 0;
  std::uint64_t bits_read = 0, bits_written = 0;
};

struct Activity {
  Arithmetic arithmetic;
  std::vector<StorageUse> storage;
  std::uint64_t link_bytes = 0;      ///< moved over on-chip links
  std::uint64_t external_bytes = 0;  ///< read from and written to external memory
};

/// Units that divide a row's value while a row comes every ⌈d/C⌉ cycles and each unit is busy with
/// one division for its whole latency.
inline std::uint64_t dividers(std::uint32_t latency_cycles, std::uint32_t head_dim,
                              std::uint32_t cols) {
  const std::uint32_t interval = (head_dim - 1) / cols + 1;
  return (latency_cycles - 1) / interval + 1;
}

}  // namespace attnguard
