#include "src/selftest/known_answers.h"

#include <cstring>

#include "models/numerics/exp2.h"
#include "models/numerics/format.h"
#include "models/numerics/matmul.h"
#include "src/selftest/tile_step.h"

namespace attnguard {
namespace {

std::uint32_t word_of(float value) {
  std::uint32_t word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}
float value_of(std::uint32_t word) {
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

/// FNV-1a, 64 bits, over little-endian words.
class Hash {
 public:
  void add(std::uint32_t word) {
    for (int byte = 0; byte < 4; ++byte)
      value_ = (value_ ^ (word >> 8 * byte & 0xff)) * 0x100000001b3ull;
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ull;
};

/// Inputs from integers alone, so that no library decides them: multiples of 2^-12 in (−8, 8).
class Inputs {
 public:
  std::uint32_t bits() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<std::uint32_t>(state_ >> 32);
  }
  float value() {
    return static_cast<float>(static_cast<std::int32_t>(bits() >> 16) - 32768) * 0x1p-12f;
  }

 private:
  std::uint64_t state_ = 1;
};

void hash_tile(Hash& hash, Inputs& inputs, std::size_t rows, std::size_t cols, std::size_t depth,
               Exp2Kind exp2, Format probability, bool specials) {
  TileStep t;
  t.rows = rows, t.cols = cols, t.depth = depth, t.north_stride = cols;
  t.exp2 = exp2, t.probability = probability;
  t.scale = scale_log2e(0.125f);
  t.resize(0);
  for (LaneTile* tile : {&t.west, &t.max_old, &t.sum, &t.acc})
    for (float& x : *tile) x = inputs.value();
  for (std::vector<float>* tile : {&t.north, &t.values})
    for (float& x : *tile) x = inputs.value();
  for (std::size_t lane = 0; lane < rows; lane += 3)
    t.visible[lane] = static_cast<std::int32_t>(lane % (cols + 1));
  if (specials) {
    t.west[0] = value_of(0xff800001);
    t.west[1] = value_of(0x7f7fffff);
    t.values[0] = value_of(0x00000003);
    t.acc[2] = value_of(0xff800000);
  }
  t.run(0, rows);
  for (const LaneTile* output : t.outputs()) {
    for (std::size_t i = 0; i < output->size(); ++i) {
      if (i % t.stride() < rows) hash.add(word_of((*output)[i]));
    }
  }
}

/// Softmax, products and accumulation of tiles; 2^x; formats.
std::uint64_t kernels_answer() {
  Hash hash;
  Inputs inputs;
  for (const Exp2Kind exp2 : {Exp2Kind::polynomial, Exp2Kind::piecewise_linear}) {
    for (const Format probability : {Format::bfloat16, Format::float32}) {
      hash_tile(hash, inputs, 16, 16, 64, exp2, probability, false);
      hash_tile(hash, inputs, 13, 23, 31, exp2, probability, true);
      hash_tile(hash, inputs, 33, 7, 96, exp2, probability, true);
    }
    for (int i = 0; i < 4096; ++i) hash.add(word_of(exp2_scalar(exp2, inputs.value() * 20)));
    for (int i = 0; i < 4096; ++i) hash.add(word_of(exp2_scalar(exp2, value_of(inputs.bits()))));
  }
  for (const Format format : {Format::bfloat16, Format::float16, Format::float32}) {
    for (int i = 0; i < 4096; ++i) hash.add(encode(format, value_of(inputs.bits())));
    for (int i = 0; i < 4096; ++i)
      hash.add(word_of(decode(format, inputs.bits() >> (32 - bits_of(format)))));
    std::vector<float> values(1000);
    for (float& value : values) value = value_of(inputs.bits());
    round_values(format, values.data(), values.size());
    for (const float value : values) hash.add(word_of(value));
  }
  return hash.value();
}

/// Sums carried on, of floats and of integers.
std::uint64_t products_answer() {
  Hash hash;
  Inputs inputs;
  for (const Format sums : {Format::float32, Format::int32})
    for (const std::size_t lanes : {1, 13, 16, 37})
      for (const std::size_t depth : {1, 7, 130, 2500}) {
        TileProduct product;
        product.lanes = lanes, product.cols = 1 + depth % 23, product.depth = depth;
        product.west_stride = lanes + 2, product.north_stride = product.cols + 1;
        std::vector<float> west(depth * product.west_stride), north(depth * product.north_stride);
        const std::size_t stride = lanes + 3;
        std::vector<float> sum(product.cols * stride);
        for (std::vector<float>* values : {&west, &north, &sum})
          for (float& value : *values)
            value = sums == Format::float32 ? inputs.value()
                                            : decode(Format::int8, inputs.bits() >> 24);
        if (sums == Format::int32)
          for (float& value : sum) value = value_of(inputs.bits());
        product.west = west.data(), product.north = north.data();
        matmul_onto(sums, product, sum.data(), stride);
        for (const float value : sum) hash.add(word_of(value));
      }
  return hash.value();
}

}  // namespace

std::vector<KnownAnswer> known_answers() {
  return {{"kernels", 0x25ac64422bab745full, kernels_answer},
          {"products", 0x2d7553a47d867e1eull, products_answer}};
}

}  // namespace attnguard
