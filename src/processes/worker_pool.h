// Work spread over forked processes.
//
// Workers are forked from the calling process as it is, so each starts from the same state and
// nothing is shared afterwards; they end with _exit, and with the calling process. SIGINT,
// SIGTERM and SIGHUP are the caller's business. The caller must have no threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace attnguard {

struct WorkResult {
  std::string bytes;
  /// The process is no longer as it was: its next item is done by a fresh fork.
  bool retire = false;
};

struct PoolOptions {
  std::uint32_t workers = 1;
  std::uint64_t chunk = 16;  ///< items handed to a worker at once; at least 1
  /// Called here when the worker of an item died or threw: the bytes to deliver for the item, or
  /// nothing to have it tried again. Without it an item that fails twice is a ModelError.
  std::function<std::optional<std::string>(std::uint64_t item, const std::string& reason)> failed{};
  /// Called here several times a second; ends everything by throwing.
  std::function<void()> tick{};
};

/// Calls work(item) in some worker for every item 0 .. items − 1 and done(item, bytes) here, in
/// ascending order. A worker that dies or throws is replaced and its item tried again, as
/// PoolOptions::failed says; ModelErrors name `what` and the item. What the machine refuses a
/// worker says nothing about its item: MachineError.
void run_in_workers(const PoolOptions& options, std::uint64_t items, const std::string& what,
                    const std::function<WorkResult(std::uint64_t)>& work,
                    const std::function<void(std::uint64_t, const std::string&)>& done);

}  // namespace attnguard
