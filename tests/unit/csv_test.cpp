// CSV files: what is written reads back, whatever the fields hold.
#include "src/files/csv.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/config/user_error.h"
#include "src/files/csv_reader.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows(const std::string& text) {
  const ScratchFolder folder;
  CsvReader reader(folder.write("f.csv", text), "f.csv");
  Rows all;
  while (std::optional<CsvRow> row = reader.next()) all.push_back(std::move(row->fields));
  return all;
}
std::string complaint(const std::string& text) {
  try {
    rows(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Csv, WrittenFieldsReadBack) {
  const std::vector<std::string> fields{"",         "a",    "a,b", "\"",
                                        "a\"b\"\"", "\r\n", "a\r", "\r,",
                                        "a\nb\n",   " a ",  "é",   std::string("\0", 1)};
  CsvLine line;
  for (const std::string& field : fields) line.add(field);
  EXPECT_EQ(rows(line.str()), Rows{fields});
}

TEST(Csv, LinesEndInLineFeedWithOrWithoutCarriageReturn) {
  const Rows two{{"a", "b"}, {"c", ""}};
  EXPECT_EQ(rows("a,b\r\nc,\r\n"), two);
  EXPECT_EQ(rows("a,b\nc,\n"), two);
  EXPECT_EQ(rows("a,b\nc,"), two);
  EXPECT_EQ(rows("a\r\r\n"), (Rows{{"a\r"}}));
}

TEST(Csv, ACarriageReturnInQuotesBelongsToTheField) {
  EXPECT_EQ(rows("a,\"b\r\"\nc,d\n"), (Rows{{"a", "b\r"}, {"c", "d"}}));
  EXPECT_EQ(rows("a,\"b\r\"\r\nc,d\r\n"), (Rows{{"a", "b\r"}, {"c", "d"}}));
}

TEST(Csv, AByteOrderMarkIsNoPartOfTheFirstColumn) {
  EXPECT_EQ(rows("\xef\xbb\xbfsite,bit\r\n"), (Rows{{"site", "bit"}}));
  EXPECT_EQ(rows("\xef\xbb\xbf\"site\",bit\r\n"), (Rows{{"site", "bit"}}));
  EXPECT_TRUE(rows("\xef\xbb\xbf").empty());
}

TEST(Csv, AQuoteThatIsNeverClosedIsNamedWithItsLine) {
  EXPECT_EQ(complaint("a\n\"b\nc\n"),
            "f.csv:2: a quote that is never closed; \"…\", a quote inside doubled");
}

TEST(Csv, AMessageAboutAFieldIsOneLine) {
  const ScratchFolder folder;
  CsvTable table(folder.write("f.csv", "n\n\"1\n2\x1b\"\n"), "f.csv");
  ASSERT_TRUE(table.next());
  try {
    table.count(0);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(), "f.csv:2: n: \"1\\n2\\x1b\"; an integer");
  }
}

}  // namespace
}  // namespace attnguard
