// Numbers are read and written alike in every locale: here a German one, which writes 1.234,5.
#include <gtest/gtest.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <locale>
#include <sstream>
#include <string>

#include "src/config/read_config.h"
#include "src/files/csv.h"
#include "src/files/csv_reader.h"
#include "src/waves/vcd_file.h"
#include "src/workload/npy.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

struct GermanNumbers final : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

/// Both for C and for the streams of C++.
class GermanLocale {
 public:
  GermanLocale() {
    const std::string compile =
        "localedef -i de_DE -f UTF-8 " + (folder_.path() / "de_DE.UTF-8").string();
    compiled_ = std::system(compile.c_str()) == 0;
    ::setenv("LOCPATH", folder_.path().c_str(), 1);
    set_ = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
    std::locale::global(std::locale(std::locale(), new GermanNumbers));
  }
  ~GermanLocale() {
    std::locale::global(std::locale::classic());
    std::setlocale(LC_ALL, "C");
    ::unsetenv("LOCPATH");
  }
  bool speaks_german() const {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f", 1.5);
    std::ostringstream stream;
    stream << 1234567;
    return compiled_ && set_ && std::string(text) == "1,5" && stream.str() == "1.234.567";
  }

 private:
  ScratchFolder folder_;
  bool compiled_ = false, set_ = false;
};

/// What the tool makes of numbers, as text.
std::string results() {
  const ScratchFolder folder;
  const std::string config = R"({"seed": 1234567, "accelerator": {"clock_mhz": 1234.5},
    "checkers": {"m": {"kind": "flash_abft", "threshold": {"value": 1.25e-7}}},
    "campaign": {"injections": 1000000, "confidence": 0.975, "safety": {"detection_budget": "12345.5 us"}},
    "workload": {"kind": "attention", "heads": 1, "tokens_q": 1024, "tokens_k": 1024, "head_dim": 64, "scale": 0.125}})";
  ConfigOrigin origin{"c.json", {}};
  Json document = parse_json(config, origin.file);
  apply_set(document, origin, "campaign.tolerance.relative=0.0625");
  std::string text = write_config(read_config(document, origin)).dump();
  try {
    apply_set(document, origin, "accelerator.clock_mhz=0.5");
    read_config(document, origin);
  } catch (const std::exception& error) {
    text += error.what();
  }

  CsvLine line;
  line.add(1234.5).add(std::uint64_t{1234567}).add(1.25e-7).add_bits(1234567, 32);
  text += line.str();
  CsvTable table(folder.write("f.csv", "a,b\r\n1234.5,1234567\r\n"), "f.csv");
  table.next();
  text += CsvLine().add(table.number(0)).add(table.count(1)).str();

  write_npy(folder.path() / "o.npy", {1, 1000000, 0}, {});
  text += read_text(folder.path() / "o.npy");
  VcdFile waves;
  const auto wire = waves.wire("accelerator.done");
  waves.set_wire(wire, 1234, true);
  waves.write(folder.path() / "waves.vcd", 2000, 5000);
  text += read_text(folder.path() / "waves.vcd");
  return text;
}

TEST(Locale, ChangesNoByteOfWhatIsReadOrWritten) {
  const std::string plain = results();
  EXPECT_NE(plain.find("1234.5,1234567,1.25e-07,0x0012d687"), std::string::npos) << plain;
  const GermanLocale german;
  ASSERT_TRUE(german.speaks_german());
  EXPECT_EQ(results(), plain);
}

}  // namespace
}  // namespace attnguard
