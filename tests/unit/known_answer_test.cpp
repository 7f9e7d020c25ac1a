// The known answers hold on every SIMD target of this machine; known_answer_matrix.sh runs this for
// each compiler.
#include <gtest/gtest.h>

#include "src/selftest/known_answers.h"
#include "src/selftest/simd_targets.h"

namespace attnguard {
namespace {

TEST(KnownAnswer, HoldsOnEverySimdTarget) {
  int targets = 0;
  for_each_simd_target([&](const std::string& target) {
    ++targets;
    for (const KnownAnswer& known : known_answers()) {
      const std::uint64_t answer = known.answer();
      EXPECT_EQ(answer, known.expected)
          << known.name << " on " << target << ", answer 0x" << std::hex << answer;
    }
  });
  EXPECT_GE(targets, 1);
}

}  // namespace
}  // namespace attnguard
