// The engine that resolves injections without complete runs, as the campaign sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "src/campaign/faults/plan.h"
#include "src/campaign/injections/measurement.h"

namespace attnguard {

/// Who resolves an injection, and next to which others it is cheapest to resolve.
struct Assignment {
  bool full = false;  ///< only a complete run can tell
  std::uint32_t group = 0;  ///< kv head whose golden state it needs; 0 with `full`
  std::uint32_t query_tile = 0;  ///< within the group, the first that it touches
};

class InjectionEngine {
 public:
  virtual ~InjectionEngine() = default;

  /// Groups of the job (kv heads); the golden state of one is resident at a time.
  virtual std::uint32_t groups() const = 0;
  virtual Assignment assign(const Injection& injection) const = 0;
  /// The golden state does not fit: injections of one query tile should follow each other.
  virtual bool by_query_tile() const { return false; }
  /// Makes a group's golden state resident; called before workers are forked.
  virtual void load(std::uint32_t group) = 0;
  /// Overwrites `measurement` whole. The injection is not `full` and its group is loaded.
  virtual void measure(const Injection& injection, Measurement& measurement) = 0;
  /// The same for several, in whatever order is fastest; `at` is told which one is worked on next.
  virtual void measure(const std::vector<Injection>& injections,
                       std::vector<Measurement>& measurements,
                       const std::function<void(std::size_t)>& at) {
    for (std::size_t i = 0; i < injections.size(); ++i) {
      at(i);
      measure(injections[i], measurements[i]);
    }
  }
};

}  // namespace attnguard
