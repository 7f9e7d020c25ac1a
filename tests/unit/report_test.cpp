// Pieces of a report that need no browser; the page itself is tested by report/report_page_test.py.
#include "src/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "src/config/shell_word.h"
#include "src/config/user_error.h"
#include "src/report/header.h"
#include "src/report/html.h"
#include "src/report/injection_tally.h"
#include "src/report/records.h"
#include "src/report/sweep_chart.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ReportHtml, TextCannotLeaveItsPlace) {
  EXPECT_EQ(escape_html("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  const Json hostile = {{"</script><!--", "\"</script>"}};
  const std::string text = script_json(hostile);
  EXPECT_EQ(text.find('<'), std::string::npos);
  EXPECT_EQ(Json::parse(text), hostile);
  EXPECT_THAT(html(HtmlTable{"c<", {"h<"}, {{HtmlCell("t<", "v\"")}}}),
              HasSubstr("<data value=\"v&quot;\">t&lt;</data>"));
  EXPECT_EQ(html_id("O buffer.Word[*]"), "o-buffer-word-");
  EXPECT_EQ(shell_word("traces/a-1"), "traces/a-1");
  EXPECT_EQ(shell_word("it's here"), "'it'\\''s here'");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a\\b"), "'a\\b'");
  EXPECT_EQ(shell_word("it's\na\\b\x1b"), "$'it\\'s\\na\\\\b\\x1b'");
  EXPECT_EQ(shell_word("caf\u00e9 1"), "'caf\u00e9 1'");
}

constexpr const char* kHeader =
    "site,site_class,domain,fault_class,bit,value_before,weight,effect,a.verdict\n";

TEST(InjectionTally, WeighsFaultsByElementAndByBitWithinTheLane) {
  const ScratchFolder files;
  const std::string file = files.write(
      "injections.csv",
      std::string(kHeader) +
          "array.pe[1][0].acc,array.pe[*][*].acc,function,transient,31,0x00000000,2,sdc,"
          "undetected\n"
          "array.pe[1][0].acc,array.pe[*][*].acc,function,transient,30,0x00000000,6,masked,benign\n"
          "array.pe[1][0].acc,array.pe[*][*].acc,function,permanent,30,0x00000000,1,sdc,detected\n"
          "link.x.data,link.x.data,function,transient,35,,4,hang,detected\n"
          "link.x.data,link.x.data,function,transient,3,0x0000,4,sdc,undetected\n"
          "link.x.data,link.x.data,function,transient,3,0x0000,9,sim_error,\n"
          "checksum.a.sum,checksum.a.sum,safety_mechanism,transient,3,0x0000,9,masked,benign\n");
  const auto tallies = tally_injections(file, {"a"});
  ASSERT_EQ(tallies.size(), 2U);
  const PlaceTallies& transient = tallies.at("transient");
  ASSERT_EQ(transient.elements.size(), 1U);
  const Tally& element = transient.elements.at({1, 0, "acc"});
  EXPECT_EQ(element.faults, 2U);
  EXPECT_EQ(element.dangerous_share(), 0.25);  // 2 of 2 + 6
  EXPECT_EQ(element.undetected_share(0), 1);
  EXPECT_THAT(transient.site_classes, ElementsAre("array.pe[*][*].acc", "link.x.data"));
  // Bit 35 of lanes of 16 bits is bit 3 of the third.
  const Tally& bit = transient.bits.at({1, 3});
  EXPECT_EQ(bit.faults, 2U);
  EXPECT_EQ(bit.dangerous_share(), 1);
  EXPECT_EQ(bit.undetected_share(0), 0.5);
  EXPECT_EQ(tallies.at("permanent").elements.at({1, 0, "acc"}).undetected_share(0), 0);
}

TEST(InjectionTally, RefusesAnotherCampaignsFile) {
  const ScratchFolder files;
  const std::string file = files.write("injections.csv", kHeader);
  try {
    tally_injections(file, {"b"});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("b.verdict: missing"));
  }
}

TEST(InjectionTally, RefusesPlacesThatNoHardwareHas) {
  const ScratchFolder files;
  const auto complaint = [&](const std::string& row) -> std::string {
    try {
      tally_injections(files.write("injections.csv", kHeader + row), {"a"});
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string at = (files.path() / "injections.csv").string() + ":2: ";
  EXPECT_EQ(complaint("array.pe[1023][4294967295].acc,a,function,transient,31,,2,sdc,undetected\n"),
            at + "site: \"array.pe[1023][4294967295].acc\"; an element of an array");
  EXPECT_EQ(complaint("link.x.data,a,function,transient,4294967295,,2,sdc,undetected\n"),
            at + "bit: \"4294967295\"; a bit of a register or link");
  EXPECT_EQ(complaint("array.pe[1023][0].acc,a,function,transient,65535,,2,sdc,undetected\n"),
            "accepted");
}

TEST(SweepLayout, PutsTheLongestKeyAndWhatItDecidesAlongX) {
  const ScratchFolder files;
  const Records rows(files.write("sweep.csv",
                                 "x.rows,x.cols,w.dim,v.dim,cycles\n"
                                 "4,8,1,one,10\n4,8,2,one,11\n8,16,1,one,12\n8,16,2,one,13\n"
                                 "16,32,1,one,14\n16,32,2,one,15\n"));
  const SweepLayout layout(rows);
  EXPECT_EQ(layout.x_title, "rows × cols × v.dim");
  EXPECT_EQ(layout.line_title, "w.dim");
  EXPECT_EQ(layout.x[5], "16 × 32 × one");
  EXPECT_EQ(layout.line[5], "w.dim 2");
}

std::string refusal_of(const ScratchFolder& files) {
  try {
    report_page({files.path()});
  } catch (const UserError& error) {
    return error.what();
  }
  return "no refusal";
}

TEST(ReportPage, RefusesAnUnfinishedResult) {
  for (const char* work : {"chunks", "unfinished"}) {
    const ScratchFolder files;
    std::filesystem::create_directory(files.path() / work);
    EXPECT_EQ(
        refusal_of(files),
        files.path().string() + ": not finished; a result (go on with `attnguard … --resume`)");
  }
}

TEST(ReportPage, RefusesADamagedResult) {
  const ScratchFolder files;
  const std::string folder = files.path().string();
  for (const char* text : {"", "{", "[]"}) {
    files.write("run.json", text);
    EXPECT_EQ(refusal_of(files),
              folder + "/run.json: not readable; a result of attnguard, as it was written");
  }
  files.write("run.json", "{}");
  EXPECT_THAT(refusal_of(files),
              AllOf(StartsWith(folder + ": "), HasSubstr("key 'cycles' not found"),
                    EndsWith("; results as attnguard wrote them")));
}

TEST(ReportPage, RefusesACampaignWithAnothersConfiguration) {
  const ScratchFolder files;
  files.write("summary.json", "{}");
  files.write("coverage.csv", "checker,fault_class\n");
  files.write("latency.csv", "checker\n");
  files.write("config.json", R"({"workload": {}})");
  EXPECT_EQ(refusal_of(files),
            (files.path() / "config.json").string() +
                "#/campaign/tolerance/relative: missing; the configuration of a campaign");
}

TEST(Records, NamesTheRowOfWhatIsNoNumber) {
  const ScratchFolder files;
  const Records rows(files.write("a.csv", "n\n1.5\n\"\"\nx\n"));
  EXPECT_EQ(rows.number(0, "n"), 1.5);
  EXPECT_EQ(rows.number(1, "n"), std::nullopt);
  EXPECT_THROW(rows.number(2, "n"), UserError);
  EXPECT_THROW(rows.number(0, "m"), UserError);
}

}  // namespace
}  // namespace attnguard
