// The arithmetic contract as numbers: hashes over every kernel on fixed inputs, the same for each
// compiler, optimisation level and SIMD target. A change of one of these constants is a change of
// docs/arithmetic.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attnguard {

struct KnownAnswer {
  std::string name;
  std::uint64_t expected;
  std::uint64_t (*answer)();  ///< computed on the SIMD target in force
};

std::vector<KnownAnswer> known_answers();

}  // namespace attnguard
