// Energy and area: counted events and hardware times the constants of a technology.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/fabric/activity.h"
#include "src/cost/technology.h"

namespace attnguard {

struct Cost {
  double energy_pj = 0;   ///< of the events of the run
  double area_um2 = 0;    ///< on chip
  double leakage_pj = 0;  ///< of SRAM over the run, an upper bound; not part of energy_pj

  Cost& operator+=(const Cost& other) {
    energy_pj += other.energy_pj;
    area_um2 += other.area_um2;
    leakage_pj += other.leakage_pj;
    return *this;
  }
};

/// One line of a bill.
struct CostItem {
  std::string component;     ///< "add_float32", "register_bit", "sram_read", …
  std::uint64_t events = 0;  ///< operations, bits written, bits read or bytes moved
  std::uint64_t units = 0;   ///< operators or bits of storage
  Cost cost;
};

/// What a unit or a checker costs: the items in a fixed order, and their sum in that order.
struct Bill {
  std::string unit;
  std::vector<CostItem> items;
  Cost total;
};

/// `microseconds`: length of the run, for leakage.
Bill price(const std::string& unit, const Activity& activity, const Technology& technology,
           double microseconds);

}  // namespace attnguard
