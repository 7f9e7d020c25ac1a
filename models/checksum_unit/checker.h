// The interface of a checker: what it may observe, and how it reports.
//
// The checksum unit hands every checker what crosses the observation links, in the order of
// simulated time per register, a tile at a time with the cycle of each beat. A checker keeps its
// own state, declares it as fault sites, compares, and reports every comparison; it never changes
// what the datapath does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/fabric/activity.h"
#include "models/fabric/code_reads.h"
#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"
#include "models/numerics/exp2.h"
#include "models/numerics/format.h"

namespace attnguard {

/// What a checker needs to see. The accelerator sends nothing on a link that no checker observes.
enum Observation : std::uint32_t {
  kQueryWritten = 1u << 0,
  kQueryRead = 1u << 1,
  kKeyWritten = 1u << 2,
  kKeyRead = 1u << 3,
  kValueWritten = 1u << 4,
  kValueRead = 1u << 5,
  kScores = 1u << 6,
  kProbabilities = 1u << 7,
  kScalars = 1u << 8,
  kPartials = 1u << 9,
  kOutputs = 1u << 10,
  kCodeErrors = 1u << 11,  ///< what the decoders of protected buffers report
};

/// Observed data. Values are float32 (exact images of the datapath's formats), laid out as said for
/// each event.
struct Observed {
  const TileContext& tile;
  const float* values;  ///< see Checker::keeps_operand_sums for null
  std::size_t stride;   ///< elements between consecutive [..] indices of the leading dimension
  BeatTiming timing;    ///< cycle at which each beat crosses the observation link
  /// The only line whose sum does not stand in its register yet; see Checker::keeps_operand_sums.
  std::uint32_t changed_line = kEveryLine;
  static constexpr std::uint32_t kEveryLine = ~0U;
};

/// Dimensions of the accelerator and workload a checker is built for.
struct CheckerDimensions {
  /// A plain product of matrices: rows of A are queries, columns of B keys, k is head_dim; its
  /// tiles of C are the scores, and there is nothing else.
  bool gemm = false;
  Dataflow dataflow = Dataflow::output_stationary;  ///< of a gemm
  std::uint32_t gemm_lines = 0;  ///< most lines of a block of C: rows, input-stationary: columns
  std::uint32_t rows = 0;        ///< R, array rows = query rows of a tile
  std::uint32_t cols = 0;        ///< C, array columns = keys of a tile
  std::uint32_t head_dim = 0;    ///< d
  std::uint32_t tokens_q = 0;
  std::uint32_t tokens_k = 0;
  bool causal = false;
  Exp2Kind exp2 = Exp2Kind::polynomial;
  /// Latencies of a softmax unit, also of a checker's own: score register (cycle a) → running max
  /// written at a + max → alpha and p at a + max + exp → running sum at a + max + exp + sum.
  std::uint32_t max_latency_cycles = 0, exp_latency_cycles = 0, sum_latency_cycles = 0;
  std::uint32_t divide_latency_cycles = 0;
  std::uint32_t key_tiles = 0;  ///< tiles of one kv head
  /// Score tiles whose operands are read and whose scores are still to come; TileContext::bank
  /// tells them apart.
  std::uint32_t tiles_in_flight = 2;
  bool resident = false;     ///< K and V of a head stay in their buffers (loaded once per kv head)
  float scale_log2e = 0.0F;  ///< softmax scale × log2(e)
  Format operand = Format::bfloat16;
  Format probability = Format::bfloat16;
  Format output = Format::bfloat16;
  std::size_t stride = 0;  ///< lane_stride(rows)
};

/// One comparison of one checker: |lhs − rhs| against threshold.
struct Check {
  std::uint32_t comparison = 0;  ///< index into comparisons()
  std::uint32_t head = 0;
  std::uint32_t query_row = 0;  ///< first row of the group within the head
  std::uint32_t key_tile = 0;   ///< of a check made per key tile; else the last key tile
  std::uint64_t cycle = 0;  ///< cycle at which the alarm register would be set (pipeline included)
  double lhs = 0, rhs = 0;
  double residual = 0;  ///< |lhs − rhs|, in the checker's format
  double scale = 0;     ///< what a relative threshold multiplies (W, Σ|q|Σ|k|); 1 for absolute
  double threshold = 0;
  bool alarm = false;
  bool nonfinite = false;  ///< residual or threshold is not finite
  /// Of a checker that locates errors: query row within the head and column of the tile (key, or
  /// column of V), −1 if it finds none; and what it would write there.
  std::int32_t located_row = -1, located_column = -1;
  float corrected = 0;
};

/// Receives every check, in the order made.
/// What a checker would write over one value of a product of the array.
struct Correction {
  std::uint32_t row = 0, column = 0;  ///< of the tile; P·V: column of V
  float value = 0;
};

class CheckSink {
 public:
  virtual ~CheckSink() = default;
  virtual void checked(const Check& check) = 0;
  /// One check of each row of a query tile, in order.
  virtual void checked_rows(const Check* checks, std::uint32_t rows) {
    for (std::uint32_t row = 0; row < rows; ++row) checked(checks[row]);
  }
  /// An alarm set at `cycle` without a comparison, of work at `place`.
  virtual void alarmed(std::uint64_t /*cycle*/, const Place& /*place*/) {}
};

/// What P·V of key tiles adds to the sums that a checker carries on: sum·alpha + term, tile by
/// tile.
struct CarriedTerms {
  const std::byte* terms = nullptr;  ///< of the first tile: values [sum][lane stride], lane = row
  std::size_t bytes = 0;             ///< of a tile, and from one tile to the next
  const float* alpha = nullptr;      ///< [tile][alpha_stride], lane = row
  std::size_t alpha_stride = 0;
  std::uint32_t tiles = 0;
  std::uint32_t first_row = 0, rows = 0;  ///< lane 0 of the registers is lane `first_row` of these
};

class RegisterBook;
class TilesSeen;

/// To write a checker is to say what it needs() and what its comparisons() are called, and to take
/// the observations: all its state lies in RegisterFiles (checker_registers.h). The rest has
/// defaults that hold for any checker.
class Checker {
 public:
  virtual ~Checker() = default;

  /// Bit set of Observation.
  virtual std::uint32_t needs() const = 0;
  /// Names of the comparisons, e.g. {"output", "score"}.
  virtual std::vector<std::string> comparisons() const = 0;
  /// Whether a comparison depends on more than one row of a query tile. If not, comparisons are
  /// reported with checked_rows, once for each row of the tile, and campaigns may show it some rows
  /// of a tile only.
  virtual bool compares_groups() const { return true; }
  /// Whether a comparison is made for every key tile and looks at nothing before it but what the
  /// datapath holds there.
  virtual bool compares_key_tiles(std::uint32_t /*comparison*/) const { return false; }
  /// Whether what is observed of P·V is judged with what scores() left behind in temporary
  /// registers. If not, the two share no register but those of outputs().
  virtual bool products_need_scores() const { return true; }
  /// Whether key_read and value_read may come without values: the temporary registers that belong
  /// to no row (sums formed at read: over K if they are `of_scores`, else over V) then hold already
  /// what would be formed from them. With `changed_line` they do so for all other lines (a depth of
  /// K, a key of V); the values are there.
  virtual bool keeps_operand_sums() const { return false; }
  /// What P·V of the key tile last seen has added to sums that are carried on from tile to tile, if
  /// it leaves nothing else behind that a later key tile or outputs() reads; else no bytes.
  virtual CarriedTerms carried_terms() const { return {}; }
  /// Key tiles, none the first of its query tile, whose observations of P·V are known to equal
  /// another run's, which added these terms: only the sums move on. No register is watched.
  virtual void follow(const CarriedTerms&) {}
  /// Declares every register as Domain::safety_mechanism under "checksum.<name>."; without an
  /// override all registers(), in order.
  virtual void declare(FaultUniverse& universe);
  /// Start of a job: all state as after power-on; without an override all registers() are zero.
  virtual void reset();
  /// The arithmetic of its hardware in a run that showed it these tiles, put together from the
  /// parts of checker_arithmetic.h. Empty for a checker that does not say: its cost is unknown
  /// then, and not zero. Its registers need no words.
  virtual std::optional<Arithmetic> arithmetic(const TilesSeen&) const { return std::nullopt; }

  // Observations. [k][stride] means values[k × stride + lane].
  virtual void query_written(const Observed&) {}  ///< q [d][stride], lane = row; beat = k
  virtual void query_read(const Observed&) {}     ///< the same, as the S pass reads it
  virtual void key_written(const Observed&) {}  ///< k [d][stride], lane = key of the tile; beat = k
  virtual void key_read(const Observed&) {}
  virtual void value_written(const Observed&) {
  }  ///< v [key][stride ≥ d], element c; group = pass (columns pC..), beat = key
  virtual void value_read(const Observed&) {}
  virtual void scores(const Observed&) {
  }  ///< s [cols][stride], lane = row; beat = row (raw, before the mask)
  virtual void probabilities(const Observed&) {
  }  ///< p [cols][stride] as fed in the last P·V pass; beat = key
  virtual void alphas(const Observed&) {}    ///< alpha [stride]; beat = row
  virtual void sums(const Observed&) {}      ///< l [stride], after the last key tile; beat = row
  virtual void partials(const Observed&) {}  ///< P·V tile [d][stride]; group = pass, beat = row
  /// Output rows: acc [d][stride] before division, then out [d][stride] after division before
  /// rounding (acc + d × stride), then reciprocal [stride] (acc + 2 × d × stride); group = slice of
  /// C columns, beat = row (timing.cycle(slice, row)).
  virtual void outputs(const Observed&) {}
  /// Decoders of a buffer found errors in one burst of reads.
  virtual void code_errors(const CodeErrors&) {}

  /// Of the product that it observed since they were taken last, in the same cycle: what it takes
  /// for wrong.
  virtual std::vector<Correction> take_corrections() { return {}; }

  RegisterTap& tap() { return tap_; }
  /// Every class of registers the checker holds, in the order of construction. With the column's
  /// hold they are all that one observation leaves behind for the next query tile.
  const std::vector<RegisterBook*>& registers() const { return books_; }
  /// Whether a comparison depends on earlier query tiles of its head.
  bool outlives_query_tiles() const;
  /// Before this cycle the sums of the next query tile are held back: those of the last one are
  /// still to be read.
  std::uint64_t held_until_cycle() const { return held_until_cycle_; }
  void hold_until(std::uint64_t cycle) { held_until_cycle_ = cycle; }
  void connect(CheckSink& sink, LiveLog& log) {
    sink_ = &sink;
    log_ = &log;
  }

 protected:
  CheckSink* sink_ = nullptr;
  LiveLog* log_ = nullptr;
  RegisterTap tap_;
  std::vector<RegisterBook*> books_;
  std::uint64_t held_until_cycle_ = 0;
};

}  // namespace attnguard
