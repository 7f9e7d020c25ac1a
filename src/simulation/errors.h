// How a run or a campaign fails when the fault is not the user's.
#pragma once

#include <stdexcept>

namespace attnguard {

/// A model contradicts itself: exit code 3.
class ModelError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// The fault-free simulation did not finish: exit code 4.
class UnfinishedError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A repeated injection gave another row: exit code 5.
class AuditError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace attnguard
