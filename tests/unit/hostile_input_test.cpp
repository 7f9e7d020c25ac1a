// Input that was made to hurt: what it costs stays small, and the complaint is one line.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/config/nearest.h"
#include "src/config/read_config.h"
#include "src/config/user_error.h"
#include "src/simulation/combinations.h"
#include "tests/support/read_text_config.h"

namespace attnguard {
namespace {

const std::string kWorkload =
    R"("workload": {"kind": "attention", "heads": 1, "tokens_q": 8, "tokens_k": 8, "head_dim": 16})";

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(UserErrorText, IsOnePrintableLine) {
  EXPECT_STREQ(UserError("a: 1; 2 × 3 … \U0001F642 \"x\\y\"").what(),
               "a: 1; 2 × 3 … \U0001F642 \"x\\y\"");
  EXPECT_STREQ(UserError("a\r\nb\tc\x1b[2J\x7f").what(), "a\\r\\nb\\tc\\x1b[2J\\x7f");
  EXPECT_STREQ(UserError("\u0085 \u009b \u2028 \u2029 \u00a0").what(),
               "\\xc2\\x85 \\xc2\\x9b \\xe2\\x80\\xa8 \\xe2\\x80\\xa9 \u00a0");
  EXPECT_STREQ(UserError(std::string("nul \0 end", 9)).what(), "nul \\x00 end");
}

TEST(UserErrorText, ShowsBytesThatAreNoUtf8) {
  EXPECT_STREQ(UserError("caf\xe9 \x80").what(), "caf\\xe9 \\x80");
  EXPECT_STREQ(UserError("\xc0\xaf").what(), "\\xc0\\xaf") << "overlong";
  EXPECT_STREQ(UserError("\xe0\x80\xaf").what(), "\\xe0\\x80\\xaf") << "overlong";
  EXPECT_STREQ(UserError("\xed\xa0\x80").what(), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_STREQ(UserError("\xf4\x90\x80\x80").what(), "\\xf4\\x90\\x80\\x80") << "past U+10FFFF";
  EXPECT_STREQ(UserError("\xe2\x82").what(), "\\xe2\\x82") << "cut off";
}

TEST(UserErrorText, LosesItsMiddleWhenItIsLong) {
  const std::string fits = std::string(1990, 'a') + "; allowed";
  EXPECT_EQ(UserError(fits).what(), fits);
  EXPECT_EQ(UserError("file: " + std::string(1'000'000, 'a') + "; allowed").what(),
            "file: " + std::string(1194, 'a') + " … " + std::string(791, 'a') + "; allowed");
  // Both cuts would go through a character of two bytes.
  EXPECT_EQ(UserError("x" + repeated("é", 2000) + "y").what(),
            "x" + repeated("é", 599) + " … " + repeated("é", 399) + "y");
}

TEST(HostileConfig, ALongKeyOrValueIsCut) {
  const std::string long_text(1'000'000, 'k');
  const std::string cut = " … ";
  const std::string key = complaint("{\"" + long_text + "\": 1, " + kWorkload + "}");
  EXPECT_EQ(key.find("c.json#/kkkkkkkk"), 0U);
  EXPECT_NE(key.find("kkk: unknown key; allowed: schema_version, seed"), std::string::npos);
  EXPECT_NE(key.find(cut), std::string::npos);
  const std::string value = complaint("{\"seed\": \"" + long_text + "\", " + kWorkload + "}");
  EXPECT_EQ(value.find("c.json#/seed: \"kkkkkkkk"), 0U);
  EXPECT_NE(value.find("kkk\"; an integer from 0 to 18446744073709551615"), std::string::npos);
  EXPECT_NE(value.find(cut), std::string::npos);
}

TEST(HostileConfig, AHundredThousandLevelsAreRefusedAtThe65th) {
  const std::size_t deep = 100'000;
  EXPECT_EQ(complaint(std::string(deep, '[')),
            "c.json#" + repeated("/0", 64) + ": more than 64 levels; fewer");
  EXPECT_EQ(complaint(std::string(deep, '[') + std::string(deep, ']')),
            "c.json#" + repeated("/0", 64) + ": more than 64 levels; fewer");
  EXPECT_EQ(complaint(repeated("{\"a\":", deep)),
            "c.json#" + repeated("/a", 64) + ": more than 64 levels; fewer");
}

TEST(HostileConfig, ASettingHasNoMoreLevelsThanAFile) {
  const std::string path = repeated("a.", 64) + "a";
  EXPECT_EQ(complaint("{" + kWorkload + "}", {path + "=1"}),
            "--set " + path + "=1: more than 64 levels; fewer");
  EXPECT_EQ(
      complaint("{" + kWorkload + "}", {"seed=" + std::string(100, '[') + std::string(100, ']')}),
      "--set seed=" + std::string(100, '[') + std::string(100, ']') + "#" + repeated("/0", 64) +
          ": more than 64 levels; fewer");
}

TEST(HostileConfig, ASettingIsUtf8) {
  EXPECT_EQ(complaint("{" + kWorkload + "}", {"campaign.fault_list=caf\xe9.csv"}),
            "--set campaign.fault_list=caf\\xe9.csv: bytes that are no UTF-8; UTF-8");
  EXPECT_EQ(complaint("{" + kWorkload + "}", {"sweep.grid.caf\xe9=[1]"}),
            "--set sweep.grid.caf\\xe9=[1]: bytes that are no UTF-8; UTF-8");
  EXPECT_EQ(complaint("{" + kWorkload + "}", {"campaign.fault_list=café.csv"}), "accepted");
}

// The rest would take minutes, or all memory, if its cost grew as it could.

TEST(HostileConfig, AHundredThousandKeysAreQuick) {
  std::string keys;
  for (int key = 0; key < 100'000; ++key) keys += fmt::format("\"k{}\": 0, ", key);
  EXPECT_EQ(complaint("{" + keys + kWorkload + "}").find("c.json#/k0: unknown key; allowed: "), 0U);
  EXPECT_EQ(complaint("{" + keys + "\"k0\": 1}"),
            "c.json#/k0: duplicate key; each key at most once");
}

TEST(HostileConfig, ALongNameHasNoNearestOne) {
  const std::string name(1'000'000, 'n');
  EXPECT_EQ(nearest_match(name, {name + "m"}), "");
  EXPECT_EQ(nearest_match("abc", {name, "abd"}), "abd");
}

TEST(HostileConfig, CombinationsOfCombinationsAreLookedAtOnce) {
  // Two ways from each of 60 stages to the next: 2^60 ways to the end.
  std::string checkers = R"("z": {"kind": "flash_abft"})";
  for (int stage = 0; stage < 60; ++stage)
    for (const char side : {'a', 'b'})
      checkers += fmt::format(R"(, "{}{}": {{"kind": "any_of", "members": [{}]}})", side, stage,
                              stage == 59 ? R"("z")" : fmt::format(R"("a{0}", "b{0}")", stage + 1));
  const Config config = read("{\"checkers\": {" + checkers + "}, " + kWorkload + "}");
  ASSERT_EQ(config.checkers.size(), 121U);
  const Members members = members_of(config.checkers);
  EXPECT_TRUE(members[0].empty());
  for (std::size_t c = 1; c < members.size(); ++c)
    EXPECT_EQ(members[c], std::vector<std::size_t>{0});
}

TEST(HostileConfig, CheckersAreBounded) {
  const auto with = [](int count) {
    std::string checkers;
    for (int c = 0; c < count; ++c)
      checkers += fmt::format(R"({}"c{}": {{"kind": "flash_abft"}})", c > 0 ? ", " : "", c);
    return complaint("{\"checkers\": {" + checkers + "}, " + kWorkload + "}");
  };
  EXPECT_EQ(with(256), "accepted");
  EXPECT_EQ(with(257), "c.json#/checkers: 257 checkers; at most 256");
}

}  // namespace
}  // namespace attnguard
