#include "src/campaign/injections/injector.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <utility>

#include "src/simulation/errors.h"

namespace attnguard {
namespace {

// Complete runs handed to a worker at once: enough that handing out costs nothing, few enough that
// workers finish together.
std::uint64_t handed_at_once(std::uint64_t injections, std::uint32_t workers) {
  return std::clamp<std::uint64_t>(injections / (std::uint64_t{workers} * 8), 1, 64);
}

constexpr std::uint64_t kNone = ~std::uint64_t{0};

}  // namespace

Injector::Injector(const CampaignContext& context, const Engines& engines, const WorkOrder& order,
                   const ChunkStore& store, std::uint32_t workers,
                   std::function<bool()> interrupted, Found found,
                   std::function<void(const Chunk&)> missing)
    : context_(context),
      engines_(engines),
      order_(order),
      chunks_(order.chunks()),
      store_(store),
      workers_(workers),
      tick_([this, interrupted = std::move(interrupted)] {
        if (interrupted && interrupted()) throw Interrupted(0, order_.injections());
      }),
      found_(std::move(found)),
      missing_(std::move(missing)) {}

void Injector::run() {
  is_kept_.resize(chunks_.size());
  try {
    find_kept();
    run_missing();
    first_ = chunks_.size();
  } catch (const Interrupted&) {
    // The workers are gone by now; some may have left a chunk that nobody has looked at.
    std::uint64_t kept = 0;
    for (std::size_t i = 0; i < chunks_.size(); ++i)
      if (std::filesystem::exists(store_.file(chunks_[i]))) kept += chunks_[i].numbers.size();
    throw Interrupted(kept, order_.injections());
  }
}

void Injector::run_missing() {
  std::map<std::pair<bool, std::uint32_t>, std::vector<std::size_t>> open;
  for (std::size_t i = first_; i < chunks_.size(); ++i)
    if (!is_kept_[i]) open[{chunks_[i].full, chunks_[i].group}].push_back(i);
  for (const auto& [key, chunks] : open) {
    if (key.first) {
      run_full(chunks);
    } else {
      tick_();
      engines_.differential->load(key.second);
      run_differential(chunks);
    }
  }
}

void Injector::find_kept() {
  for (std::size_t i = first_; i < chunks_.size(); ++i) {
    const std::optional<StoredChunk> stored = store_.read(chunks_[i]);
    if (!stored) {
      if (missing_) missing_(chunks_[i]);
      continue;
    }
    for (std::size_t p = 0; p < chunks_[i].numbers.size(); ++p) pass_on(stored->record(p), true);
    is_kept_[i] = true;
  }
}

// Workers write whole chunks; which injection one of them is at stands in memory that outlives it.
void Injector::run_differential(const std::vector<std::size_t>& chunks) {
  const auto shared =
      boost::interprocess::anonymous_shared_memory(chunks.size() * sizeof(std::uint64_t));
  auto* const in_flight = static_cast<volatile std::uint64_t*>(shared.get_address());
  std::fill(in_flight, in_flight + chunks.size(), kNone);
  std::map<std::uint64_t, int> outside;  // failures of a chunk between injections

  PoolOptions pool{workers_, 1, {}, tick_};
  pool.failed = [&](std::uint64_t item, const std::string& reason) -> std::optional<std::string> {
    if (in_flight[item] != kNone)
      fails_again(in_flight[item], reason);
    else if (++outside[item] > 1)
      throw ModelError(fmt::format("chunk {} failed twice: {}", chunks[item], reason));
    in_flight[item] = kNone;
    return std::nullopt;
  };
  run_in_workers(
      pool, chunks.size(), "chunk",
      [&](std::uint64_t item) {
        const Chunk& chunk = chunks_[chunks[item]];
        store_.write(chunk, measured(chunk, in_flight[item]));
        return WorkResult{};
      },
      [&](std::uint64_t item, const std::string&) {
        const Chunk& chunk = chunks_[chunks[item]];
        const std::optional<StoredChunk> stored = store_.read(chunk);
        if (!stored) throw MachineError(store_.file(chunk).string() + ": not as it was written");
        for (std::size_t p = 0; p < chunk.numbers.size(); ++p) pass_on(stored->record(p));
      });
}

std::string Injector::measured(const Chunk& chunk, volatile std::uint64_t& in_flight) {
  std::string records;
  records.reserve(chunk.numbers.size() * store_.codec().size());
  std::vector<Injection> injections;
  injections.reserve(chunk.numbers.size());
  for (const std::uint64_t number : chunk.numbers)
    if (reasons_.count(number) == 0) injections.push_back(context_.plan.injection(number));
  std::vector<Measurement> measurements(injections.size());
  engines_.differential->measure(injections, measurements,
                                 [&](std::size_t i) { in_flight = injections[i].number; });
  std::size_t next = 0;
  for (const std::uint64_t number : chunk.numbers) {
    if (reasons_.count(number) != 0) {
      store_.codec().encode(failed(number), records);
      continue;
    }
    in_flight = number;
    require_consistent(context_, injections[next], measurements[next]);
    measure_recovery(context_, injections[next], measurements[next]);
    store_.codec().encode({injections[next], std::move(measurements[next])}, records);
    ++next;
  }
  in_flight = kNone;
  return records;
}

// One process per hang or crash, so each injection is an item of its own and this process writes
// the chunks.
void Injector::run_full(const std::vector<std::size_t>& chunks) {
  std::vector<Piece> pieces;
  for (const std::size_t index : chunks)
    for (std::size_t p = 0; p < chunks_[index].numbers.size(); ++p) pieces.push_back({index, p});
  const auto number_of = [&](std::uint64_t item) {
    return chunks_[pieces[item].chunk].numbers[pieces[item].position];
  };
  PoolOptions pool{workers_, handed_at_once(pieces.size(), workers_), {}, tick_};
  pool.failed = [&](std::uint64_t item, const std::string& reason) -> std::optional<std::string> {
    if (!fails_again(number_of(item), reason)) return std::nullopt;
    std::string bytes;
    store_.codec().encode(failed(number_of(item)), bytes);
    return bytes;
  };
  std::string records;
  run_in_workers(
      pool, pieces.size(), "injection",
      [&](std::uint64_t item) { return measured_fully(number_of(item)); },
      [&](std::uint64_t item, const std::string& bytes) {
        records += bytes;
        pass_on(bytes);
        const Piece& piece = pieces[item];
        const Chunk& chunk = chunks_[piece.chunk];
        if (piece.position + 1 < chunk.numbers.size()) return;
        store_.write(chunk, records);
        records.clear();
      });
}

WorkResult Injector::measured_fully(std::uint64_t number) const {
  const Injection injection = context_.plan.injection(number);
  const Record record{injection, measure_fully(context_, engines_.full, injection)};
  WorkResult result;
  store_.codec().encode(record, result.bytes);
  return result;
}

bool Injector::fails_again(std::uint64_t number, const std::string& reason) {
  if (++failures_[number] < 2) return false;
  reasons_[number] = reason;
  return true;
}

Record Injector::failed(std::uint64_t number) const {
  Record record = store_.codec().blank(context_.plan.injection(number));
  record.measurement.completion = Completion::failed;
  return record;
}

void Injector::pass_on(std::string_view bytes, bool kept) {
  store_.codec().decode(bytes, record_);
  found_(record_, kept);
}

}  // namespace attnguard
