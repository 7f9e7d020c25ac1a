// Resolves a fault from the golden state: finds what it touches and computes only that again.
//
// The live block that holds a fault says whose processing ends the value's life: the query tile and
// key tile from which on anything can differ. Faults that change control or time need a complete
// run; a fault outside every live block is never read.
#pragma once

#include <memory>
#include <optional>

#include "src/campaign/differential/live_index.h"
#include "src/campaign/differential/protected_buffers.h"
#include "src/campaign/differential/tile_faults.h"
#include "src/campaign/differential/tile_replay.h"
#include "src/campaign/injections/injection_engine.h"

namespace attnguard {

class DifferentialEngine final : public InjectionEngine {
 public:
  /// `blocks` are those of the golden run and must outlive the engine.
  DifferentialEngine(const GoldenJob& job, const std::vector<LiveBlock>& blocks,
                     std::uint64_t memory_bytes);

  std::uint32_t groups() const override { return job_.layout.shape.kv_heads; }
  Assignment assign(const Injection& injection) const override;
  bool by_query_tile() const override { return golden_bytes() > memory_bytes_; }
  void load(std::uint32_t group) override;
  void measure(const Injection& injection, Measurement& measurement) override;
  void measure(const std::vector<Injection>& injections, std::vector<Measurement>& measurements,
               const std::function<void(std::size_t)>& at) override;

  /// Of the golden state of the largest group, if all of it is kept.
  std::uint64_t golden_bytes() const { return GoldenGroup::group_bytes(job_, units_); }
  /// Multiply-adds of the datapath computed again since the start.
  std::uint64_t multiply_adds() const { return replay_.multiply_adds(); }

 private:
  /// An operand that differs, from query tile `tile` on, and in all later ones if it `stays`.
  struct StayingFault {
    std::uint32_t tile = 0, step = 0;
    bool stays = false;
    bool seen = true;          ///< a reader sees it: not all of it is corrected
    std::uint32_t golden = 0;  ///< raw bits of the operand
    std::uint32_t shift = 0;   ///< of the faulty word within it
    OperandChange change;
  };
  StayingFault located_operand(SiteKind kind, const Fault& fault, std::uint32_t tile,
                               std::uint32_t step, FaultOutcome& outcome);
  StayingFault changed_operand(SiteKind kind, const Fault& fault, std::uint32_t tile,
                               std::uint32_t step, Measurement& measurement);
  bool separable(SiteKind kind) const;
  /// All but the combinations of checkers.
  void measure_checkers(const Injection& injection, Measurement& measurement);
  const LiveBlock* block_of(const Injection& injection) const;
  void flip_alarm_line(const Fault& fault, Measurement& measurement);
  void change_operand(SiteKind kind, const Fault& fault, std::uint32_t tile, std::uint32_t step,
                      Measurement& measurement);
  void change_check_bits(SiteKind kind, const Fault& fault, std::uint32_t tile, std::uint32_t step,
                         Measurement& measurement);
  void change_output(SiteKind kind, const Fault& fault, std::uint32_t tile,
                     Measurement& measurement);
  void change_tile(SiteKind kind, const Fault& fault, std::uint32_t tile, std::uint32_t step,
                   Measurement& measurement);
  void change_checker(const Fault& fault, std::uint32_t tile, std::uint32_t step,
                      Measurement& measurement);
  float operand(const OperandChange& change, std::uint32_t tile) const;
  bool used(const OperandChange& change, std::uint32_t tile) const;
  std::uint32_t raw_operand(const OperandChange& change, std::uint32_t tile) const;
  std::uint32_t raw_output(const TileTiming& timing, std::uint32_t row, std::uint32_t column) const;
  std::uint64_t reads_of(const StayingFault& staying) const;
  template <class Raw>
  std::uint64_t check_bits(const CodeGroup& code, std::uint32_t element_bytes, std::uint32_t shift,
                           Raw raw) const;
  std::uint64_t read_cycle(const OperandChange& change, const StepTiming& step) const;
  void load_stores(std::uint32_t step, const float* key, const float* value);
  void store_changed(std::uint32_t step);
  void replay_from(std::uint32_t tile, std::uint32_t step, const TileFault& fault,
                   const OperandChange* change, bool every_later_tile, FaultOutcome& outcome);

  /// Of a checker's register class.
  struct CheckerRegister {
    std::uint32_t checker = 0;
    const RegisterBook* book = nullptr;
  };

  const GoldenJob job_;
  std::uint64_t memory_bytes_;
  Members members_;
  ReplayUnits units_;
  mutable LiveIndex index_;  ///< sorts itself at the first look-up
  std::vector<SiteKind> kinds_;
  std::vector<CheckerRegister> checker_registers_;  ///< by RegisterId
  FaultLocator locator_;
  ProtectedBuffers protected_;
  TileReplay replay_;
  RowComparison outputs_;
  std::unique_ptr<GoldenGroup> group_;
  OperandChange change_;
  std::vector<std::pair<std::size_t, StayingFault>> staying_;  ///< index of the injection, fault
  LaneTile stored_;  ///< a tile of K or V as it was loaded
};

}  // namespace attnguard
