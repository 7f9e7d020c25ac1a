#include "models/checksum_unit/make_checker.h"

#include <stdexcept>
#include <string>

#include "models/checksum_unit/flash_abft.h"
#include "models/checksum_unit/fold_abft.h"
#include "models/checksum_unit/gemm_abft.h"
#include "models/checksum_unit/matmul_abft.h"

namespace attnguard {
namespace {

template <template <class> class Kind, class Options>
std::unique_ptr<Checker> make(const std::string& name, const Options& options,
                              const CheckerDimensions& dims) {
  switch (options.format) {
    case CheckFormat::float32:
      return std::make_unique<Kind<Float32Number>>(name, options, dims);
    case CheckFormat::float64:
      return std::make_unique<Kind<Float64Number>>(name, options, dims);
    case CheckFormat::bfloat16:
      return std::make_unique<Kind<Bfloat16Number>>(name, options, dims);
  }
  throw std::logic_error("checker format");
}

}  // namespace

std::unique_ptr<Checker> FlashAbftConfig::make_checker(const std::string& name,
                                                       const CheckerDimensions& dims) const {
  return make<FlashAbft>(name, *this, dims);
}

std::unique_ptr<Checker> MatmulAbftConfig::make_checker(const std::string& name,
                                                        const CheckerDimensions& dims) const {
  if (!dims.gemm) return make<MatmulAbft>(name, *this, dims);
  if (dims.operand == Format::int8)
    return std::make_unique<FoldAbft<Int32Number>>(name, *this, dims);
  return dims.dataflow == Dataflow::output_stationary ? make<GemmAbft>(name, *this, dims)
                                                      : make<FoldAbft>(name, *this, dims);
}

std::optional<OptionConflict> MatmulAbftConfig::conflict() const {
  const auto refused = [](const char* key, ThresholdRule rule, const char* allowed) {
    return OptionConflict{key, '"' + std::string(enum_name(rule)) + '"', allowed};
  };
  if (uses_variances(pv_threshold.rule) && pv_check == PvCheck::carried)
    return refused("pv_threshold/rule", pv_threshold.rule,
                   "absolute, relative or bound with pv_check carried, whose sum is no product of "
                   "two matrices");
  if (format != CheckFormat::bfloat16) return std::nullopt;
  const char* allowed = "absolute, relative or bound with format bfloat16";
  if (uses_variances(pv_threshold.rule))
    return refused("pv_threshold/rule", pv_threshold.rule, allowed);
  if (uses_variances(score_threshold.rule))
    return refused("score_threshold/rule", score_threshold.rule, allowed);
  return std::nullopt;
}

std::unique_ptr<Checker> make_checker(const CheckerConfig& config, const CheckerDimensions& dims) {
  return config.options.make_checker(config.name, dims);
}

}  // namespace attnguard
