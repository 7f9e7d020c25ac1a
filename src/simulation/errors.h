// How a run or a campaign fails when the fault is not the user's.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace attnguard {

/// A model contradicts itself: exit code 3.
class ModelError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// The machine refuses what is needed, a file or memory: exit code 2. What a command has kept it
/// can go on with. std::system_error and std::bad_alloc mean the same; this one has been in another
/// process.
class MachineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The fault-free simulation did not finish: exit code 4.
class UnfinishedError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Stopped by SIGINT, SIGTERM or SIGHUP: exit code 130.
class Interrupted : public std::runtime_error {
 public:
  Interrupted(std::uint64_t injections_kept, std::uint64_t injections)
      : std::runtime_error("interrupted"), kept(injections_kept), all(injections) {}
  std::uint64_t kept, all;
};

/// A repeated injection gave another row: exit code 5.
class AuditError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace attnguard
