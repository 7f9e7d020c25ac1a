// A checker of your own: attnguard with one more kind of checker, mass_check.
//
// It adds up the probabilities of a query row itself, mass = mass·alpha + Σ_j p_ij, and compares the
// sum with the datapath's l.
#include <cmath>
#include <cstdlib>
#include <memory>
#include <systemc>

#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/row_check.h"
#include "src/cli/attnguard_main.h"
#include "src/config/checker_kinds.h"

using namespace attnguard;

struct MassCheckConfig {
  static constexpr std::string_view kind = "mass_check";
  double tolerance = 0x1p-18;  // clean rows differ by the order of the sums alone
  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"tolerance", "largest difference that does not alarm, as a share of l", 0.0, 1.0},
      self.tolerance);
  }
  std::unique_ptr<Checker> make_checker(const std::string&, const CheckerDimensions&) const;
};

class MassCheck final : public Checker {
 public:
  MassCheck(const std::string& name, const MassCheckConfig& config, const CheckerDimensions& dims)
      : config_(config),
        context_{{tap_, log_, books_}, "checksum." + name + ".", dims},
        alpha_(context_.watch, rows("alpha", true)),
        mass_(context_.watch, rows("mass", false)),
        sum_(context_.watch, rows("sum", false)) {}

  std::uint32_t needs() const override { return kScalars | kProbabilities | kOutputs; }
  std::vector<std::string> comparisons() const override { return {"mass"}; }
  void alphas(const Observed& o) override { capture(alpha_, o.tile.bank, o); }
  void sums(const Observed& o) override { capture(sum_, o.tile.half, o); }
  // Row i's last key meets it at `done`; there its mass is read and written.
  void probabilities(const Observed& o) override {
    const LaneCycles done = after_last_key(o.timing, o.tile);
    alpha_.read(o.tile.bank, o.tile.rows, done, o.tile);
    if (!o.tile.first) mass_.read(o.tile.half, o.tile.rows, done, o.tile);
    for (std::uint32_t row = 0; row < o.tile.rows; ++row) {
      float& mass = mass_.group(o.tile.half)[row];
      mass = o.tile.first ? 0 : mass * alpha_.group(o.tile.bank)[row];
      for (std::uint32_t key = 0; key < o.tile.cols; ++key) mass += o.values[key * o.stride + row];
    }
    mass_.write(o.tile.half, o.tile.rows, done);
  }
  // Both stand when the last slice of the output rows crosses.
  void outputs(const Observed& o) override {
    const LaneCycles at = row_beats(o.timing, o.timing.groups - 1);
    mass_.read(o.tile.half, o.tile.rows, at, o.tile);
    sum_.read(o.tile.half, o.tile.rows, at, o.tile);
    for (std::uint32_t row = 0; row < o.tile.rows; ++row) {
      Check check = row_check(0, o.tile, row, at.at(row) + 1);
      check.lhs = canonical(double{mass_.group(o.tile.half)[row]});
      check.rhs = canonical(double{sum_.group(o.tile.half)[row]});
      check.residual = canonical(std::fabs(check.lhs - check.rhs));
      check.scale = std::fabs(check.rhs);
      check.threshold = config_.tolerance * check.scale;
      judge(check, NonfiniteRule::alarm);
      sink_->checked(check);
    }
  }

 private:
  // Two banks: of the key tile (alpha) or the query tile, as the next may come before this is used.
  RegisterShape rows(const char* name, bool temporary) const {
    return {context_.path + "row[{}]." + name + "[{}]", {context_.dims.rows, 2}, Format::float32,
            StorageKind::register_file, LaneMeaning::row, 2, context_.dims.rows, temporary};
  }
  static void capture(RegisterFile<float>& to, std::uint32_t bank, const Observed& o) {
    std::copy_n(o.values, o.tile.rows, to.group(bank));
    to.write(bank, o.tile.rows, row_beats(o.timing));
  }
  MassCheckConfig config_;
  CheckerContext context_;
  RegisterFile<float> alpha_, mass_, sum_;
};

std::unique_ptr<Checker> MassCheckConfig::make_checker(const std::string& name,
                                                       const CheckerDimensions& dims) const {
  return std::make_unique<MassCheck>(name, *this, dims);
}

int sc_main(int argc, char** argv) {
  add_checker_kind<MassCheckConfig>();
  return attnguard_main(std::vector<std::string>(argv + 1, argv + argc));
}

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
