// Which injections are repeated as an audit: a pure function of the plan, spread over the site
// classes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "src/campaign/faults/plan.h"

namespace attnguard {

class AuditSelection {
 public:
  /// Of `count` injections, or of all when fewer are offered. Without a count 0.2 %, at least two
  /// of every site class and at most 200.
  explicit AuditSelection(std::optional<std::uint64_t> count) : count_(count) {}

  /// An injection that may be audited; in any order.
  void offer(const Injection& injection);

  /// Ascending.
  std::vector<std::uint64_t> numbers() const;

 private:
  using Draw = std::pair<std::uint64_t, std::uint64_t>;  ///< hash, number

  std::optional<std::uint64_t> count_;
  std::map<RegisterId, std::vector<Draw>> by_class_;  ///< a heap of the smallest of each
  std::uint64_t offered_ = 0;
};

}  // namespace attnguard
