// Resolves the injections of a campaign in worker processes, chunk by chunk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "src/campaign/injections/chunk_store.h"
#include "src/campaign/injections/measure.h"
#include "src/processes/worker_pool.h"

namespace attnguard {

/// What resolves injections.
struct Engines {
  Simulate full;
  InjectionEngine* differential = nullptr;  ///< none: everything by complete runs
};

class Injector {
 public:
  /// Called with every record once; in each run() first with those kept from an earlier process.
  using Found = std::function<void(const Record&, bool kept)>;

  /// `interrupted` is asked several times a second whether to stop, `missing` is told of chunks
  /// that the store lacks and may throw; both may be empty.
  Injector(const CampaignContext& context, const Engines& engines, const WorkOrder& order,
           const ChunkStore& store, std::uint32_t workers, std::function<bool()> interrupted,
           Found found, std::function<void(const Chunk&)> missing = nullptr);

  /// Until the store holds every chunk of the order, which may have grown since it last ran. An
  /// injection on which a worker dies or throws twice is recorded as failed, and the rest goes on.
  /// Throws Interrupted; what the store then holds need not be done again.
  void run();

  /// Why the injections failed that did so in this process.
  const std::map<std::uint64_t, std::string>& reasons() const { return reasons_; }

 private:
  struct Piece {  ///< one injection of a chunk of complete runs
    std::size_t chunk, position;
  };

  void find_kept();
  void run_missing();
  void run_differential(const std::vector<std::size_t>& chunks);
  void run_full(const std::vector<std::size_t>& chunks);
  std::string measured(const Chunk& chunk, volatile std::uint64_t& in_flight);
  WorkResult measured_fully(std::uint64_t number) const;
  bool fails_again(std::uint64_t number, const std::string& reason);
  Record failed(std::uint64_t number) const;
  void pass_on(std::string_view bytes, bool kept = false);

  const CampaignContext& context_;
  const Engines& engines_;
  const WorkOrder& order_;
  const std::vector<Chunk>& chunks_;
  const ChunkStore& store_;
  const std::uint32_t workers_;
  const std::function<void()> tick_;  ///< of the pools
  const Found found_;
  const std::function<void(const Chunk&)> missing_;
  std::size_t first_ = 0;                  ///< chunks before it are done
  std::vector<bool> is_kept_;              ///< [chunk]; by an earlier process
  std::map<std::uint64_t, int> failures_;  ///< by injection
  std::map<std::uint64_t, std::string> reasons_;
  Record record_;  ///< reused
};

}  // namespace attnguard
