// Where counts of a campaign are kept.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "src/campaign/context.h"

namespace attnguard {

/// Counts by cell: one register class in one stratum and fault class. (A list has faults of all
/// classes in one stratum, and uniform sampling many register classes.)
template <class Counts>
class Cells {
 public:
  struct Cell {
    RegisterId reg;
    std::uint32_t stratum;
    FaultClass fault_class;
    Counts counts;
  };

  /// Every cell begins as `empty`.
  explicit Cells(const CampaignContext& context, Counts empty = {})
      : strata_(context.plan.strata().size()),
        empty_(std::move(empty)),
        cell_of_(context.universe.classes().size() * strata_ * kFaultClasses, -1) {}

  Counts& of(const Injection& injection) {
    const RegisterId reg = injection.fault.site.reg;
    const FaultClass fault_class = injection.fault_class();
    std::int32_t& index = cell_of_[(reg * strata_ + injection.stratum) * kFaultClasses +
                                   static_cast<std::size_t>(fault_class)];
    if (index < 0) {
      index = static_cast<std::int32_t>(cells_.size());
      cells_.push_back({reg, injection.stratum, fault_class, empty_});
    }
    return cells_[static_cast<std::size_t>(index)].counts;
  }

  /// Those for which chosen(cell) holds, by register class, then stratum: sums of doubles must not
  /// depend on who came first.
  template <class Chosen>
  std::vector<const Cell*> chosen(Chosen chosen) const {
    std::vector<const Cell*> cells;
    for (const std::int32_t index : cell_of_)
      if (index >= 0 && chosen(cells_[static_cast<std::size_t>(index)]))
        cells.push_back(&cells_[static_cast<std::size_t>(index)]);
    return cells;
  }

 private:
  static constexpr std::size_t kFaultClasses = EnumNames<FaultClass>::names.size();

  std::size_t strata_;
  Counts empty_;
  std::vector<Cell> cells_;            ///< in the order first met
  std::vector<std::int32_t> cell_of_;  ///< [register class × stratum × fault class]; −1: none
};

}  // namespace attnguard
