#include "models/checksum_unit/make_checker.h"

#include <stdexcept>
#include <string>

#include "models/checksum_unit/flash_abft.h"
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

struct Maker {
  const std::string& name;
  const CheckerDimensions& dims;
  std::unique_ptr<Checker> operator()(const FlashAbftConfig& options) const {
    return make<FlashAbft>(name, options, dims);
  }
  std::unique_ptr<Checker> operator()(const MatmulAbftConfig& options) const {
    return make<MatmulAbft>(name, options, dims);
  }
};

}  // namespace

std::unique_ptr<Checker> make_checker(const CheckerConfig& config, const CheckerDimensions& dims) {
  return std::visit(Maker{config.name, dims}, config.options);
}

}  // namespace attnguard
