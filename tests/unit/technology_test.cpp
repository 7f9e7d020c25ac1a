// Technology files: what is refused, and what a memory of some capacity costs. Runs in the
// repository's root.
#include "src/cost/technology.h"

#include <gtest/gtest.h>

#include <string>

#include "src/config/document.h"
#include "src/config/user_error.h"
#include "src/config/writer.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

constexpr const char* kShipped = "configs/technology/28nm.json";

Json shipped() { return parse_json_file(kShipped); }

/// What is said of the shipped file with one change made to it, after the file's name.
template <class Change>
std::string complaint(Change change) {
  Json document = shipped();
  change(document);
  const ScratchFolder folder;
  const std::string file = folder.write("t.json", document.dump());
  try {
    read_technology(file);
  } catch (const UserError& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.rfind(file, 0), 0U) << text;
    return text.substr(file.size());
  }
  return "accepted";
}

TEST(Technology, TheBuiltInOneIsTheShippedFile) {
  EXPECT_EQ(write_struct(built_in_technology()), write_struct(read_technology(kShipped)));
  EXPECT_EQ(write_struct(built_in_technology()), shipped());
}

TEST(Technology, EveryShippedFileIsRead) {
  EXPECT_EQ(read_technology(kShipped).name, "28 nm");
  EXPECT_EQ(read_technology("configs/technology/45nm.json").name, "45 nm");
}

TEST(Technology, IsReadStrictly) {
  EXPECT_EQ(complaint([](Json& t) { t["ad"] = 1; }).substr(0, 35),
            "#/ad: unknown key; did you mean \"ad");
  EXPECT_EQ(complaint([](Json& t) { t.erase("divide"); }),
            "#/divide: missing; required: prices of a division, reciprocal or square root, by "
            "format");
  EXPECT_EQ(complaint([](Json& t) { t["add"]["float64"].erase("energy_pj"); }),
            "#/add/float64/energy_pj: missing; required: energy in pJ of one operation, of a "
            "register bit written");
  EXPECT_EQ(complaint([](Json& t) { t["add"]["float32"].erase("source"); }),
            "#/add/float32/source: missing; required: source of energy_pj and area_um2, in "
            "words");
  EXPECT_EQ(complaint([](Json& t) { t["compare"].erase("float16"); }),
            "#/compare/float16: missing; required: its prices in float16: energy_pj, area_um2, "
            "source");
  EXPECT_EQ(complaint([](Json& t) { t.erase("link_byte"); }),
            "#/link_byte: missing; required: price of a byte over an on-chip link: energy_pj, "
            "source");
  EXPECT_EQ(complaint([](Json& t) { t["external_memory_byte"].erase("source"); }),
            "#/external_memory_byte/source: missing; required: source of energy_pj, in words");
  EXPECT_EQ(complaint([](Json& t) { t["sram"].erase("source"); }),
            "#/sram/source: missing; required: source of the memories, in words");
  EXPECT_EQ(complaint([](Json& t) { t["sram"]["macros"][0].erase("leakage_mw"); }),
            "#/sram/macros/0/leakage_mw: missing; required: leakage power in mW");
  EXPECT_EQ(complaint([](Json& t) { t["multiply"]["bfloat16"]["area_um2"] = -1; }),
            "#/multiply/bfloat16/area_um2: -1; a number from 0 to 1e+30");
  EXPECT_EQ(complaint([](Json& t) { t["link_byte"]["energy_pj"] = "0"; }),
            "#/link_byte/energy_pj: \"0\"; a number from 0 to 1e+30");
  EXPECT_EQ(complaint([](Json& t) { t["sram"]["macros"] = Json::array(); }),
            "#/sram/macros: []; at least one memory");
  EXPECT_EQ(complaint([](Json& t) { t["sram"]["macros"][1]["bytes"] = 8192; }),
            "#/sram/macros/1/bytes: 8192; more than the 8192 of the memory before it");
  EXPECT_EQ(complaint([](Json& t) { t["sram"]["macros"][0]["line_bytes"] = 0; }),
            "#/sram/macros/0/line_bytes: 0; an integer from 1 to 1000000000");
}

TEST(SramPrices, LieOnStraightLinesBetweenKnownMemories) {
  // 1 000 bytes: 2 and 3 pJ per byte; 3 000 bytes: 4 and 7.
  const SramPrices prices{"test", {{1000, 10, 20, 30, 500, 1}, {3000, 20, 80, 140, 1700, 5}}};
  const auto expect = [&](double bytes, double read, double write, double area, double leakage) {
    const SramPrice price = prices.of(bytes);
    EXPECT_DOUBLE_EQ(price.read_pj_per_byte, read) << bytes;
    EXPECT_DOUBLE_EQ(price.write_pj_per_byte, write) << bytes;
    EXPECT_DOUBLE_EQ(price.area_um2, area) << bytes;
    EXPECT_DOUBLE_EQ(price.leakage_mw, leakage) << bytes;
  };
  expect(1000, 2, 3, 500, 1);
  expect(3000, 4, 7, 1700, 5);
  expect(1500, 2.5, 4, 800, 2);
  expect(250, 2, 3, 125, 0.25);  // below: an access as the smallest, the rest in proportion
  expect(5000, 6, 11, 2900, 9);  // above: the line goes on
}

TEST(SramPrices, OneMemoryAloneIsScaled) {
  const SramPrices prices{"test", {{1000, 10, 20, 30, 500, 1}}};
  EXPECT_DOUBLE_EQ(prices.of(4000).area_um2, 2000);
  EXPECT_DOUBLE_EQ(prices.of(4000).read_pj_per_byte, 2);
}

}  // namespace
}  // namespace attnguard
