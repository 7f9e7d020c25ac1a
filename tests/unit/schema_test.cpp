// The generated files are up to date, and every shipped configuration is sound. Runs in the
// repository's root.
#include "src/config/schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "src/config/checker_kinds.h"
#include "src/config/document.h"
#include "src/config/read_config.h"
#include "src/config/user_error.h"
#include "src/config/version.h"
#include "src/simulation/prepared.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

std::vector<std::string> shipped_configs() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("configs"))
    if (entry.path().extension() == ".json" && entry.path().filename() != "attnguard.schema.json" &&
        entry.path().parent_path().filename() != "technology")
      files.push_back(entry.path().string());
  return files;
}

Prepared prepare_file(const std::string& file, const std::string& out = "x/run") {
  CommandLine line;
  line.command = "run";
  line.positional = {file};
  line.out = out;
  return prepare(line);
}

// Every key of the document must be a property of the schema.
void expect_described(const Json& document, const Json& schema, const std::string& at) {
  if (!document.is_object() || !schema.contains("properties")) return;
  for (const auto& item : document.items()) {
    ASSERT_TRUE(schema["properties"].contains(item.key())) << at << item.key();
    expect_described(item.value(), schema["properties"][item.key()], at + item.key() + ".");
  }
}

TEST(Schema, StoredSchemaIsUpToDate) {
  EXPECT_EQ(read_text("configs/attnguard.schema.json"), config_schema().dump(2) + "\n")
      << "attnguard schema > configs/attnguard.schema.json";
}

TEST(Schema, StoredKeyTableIsUpToDate) {
  EXPECT_EQ(read_text("docs/configuration.md"), key_table())
      << "attnguard schema keys > docs/configuration.md";
}

TEST(Schema, SaysWhatTheReaderSays) {
  const Json schema = config_schema();
  const Json& rows =
      schema["properties"]["accelerator"]["properties"]["array"]["properties"]["rows"];
  EXPECT_EQ(rows["minimum"], 1);
  EXPECT_EQ(rows["maximum"], 128);
  EXPECT_EQ(rows["default"], 16);
  EXPECT_EQ(schema["required"], Json::array({"workload"}));
  EXPECT_EQ(schema["additionalProperties"], false);
  const Json& formats = schema["properties"]["accelerator"]["properties"]["formats"]["properties"];
  EXPECT_EQ(formats["output"]["enum"], Json::array({"bfloat16", "float32", "int32"}));
  EXPECT_EQ(schema["properties"]["checkers"]["additionalProperties"]["oneOf"].size(),
            checker_kinds().size());
}

std::string complaint_about(const std::string& text) {
  const ScratchFolder scratch;
  const std::string file = scratch.write("c.json", text);
  try {
    prepare_file(file);
  } catch (const UserError& error) {
    return std::string(error.what()).substr(file.size());
  }
  return "none";
}

constexpr const char* kWorkload =
    R"("workload": {"kind": "attention", "heads": 1, "tokens_q": 4, "tokens_k": 4, "head_dim": 4}})";

// What a file of another version calls unknown or missing here is not the mistake.
TEST(SchemaVersion, AnotherIsNamedBeforeKeysThatOnlyItKnows) {
  const std::string message = fmt::format(
      "#/schema_version: 2; 1, the one version that attnguard {} reads: "
      "docs/configuration.md",
      tool_version());
  EXPECT_EQ(complaint_about(R"({"schema_version": 2, "tensors": {}})"), message);
  EXPECT_EQ(complaint_about(R"({"tensors": {}, "schema_version": 2})"), message);
  EXPECT_EQ(complaint_about(std::string(R"({"schema_version": "1", )") + kWorkload),
            "#/schema_version: \"1\"; an integer from 1 to 1");
  EXPECT_EQ(complaint_about(std::string(R"({"schema_version": 1, )") + kWorkload), "none");
}

TEST(SchemaVersion, IsWrittenAndDecidesNoResult) {
  const ScratchFolder scratch;
  const Prepared without = prepare_file(scratch.write("c.json", std::string("{") + kWorkload));
  const Prepared with =
      prepare_file(scratch.write("d.json", std::string(R"({"schema_version": 1, )") + kWorkload));
  EXPECT_EQ(without.effective["schema_version"], 1);
  EXPECT_EQ(without.effective.dump(), with.effective.dump());
  EXPECT_EQ(without.config_sha256, with.config_sha256);
  EXPECT_EQ(config_schema()["$id"], "urn:attnguard:configuration:1");
}

TEST(ShippedConfigs, AreDescribedLoadAndFitTheirBuffers) {
  const Json schema = config_schema();
  const std::vector<std::string> files = shipped_configs();
  EXPECT_GE(files.size(), 11U);
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    expect_described(parse_json_file(file), schema, "");
    const Prepared prepared = prepare_file(file);
    expect_described(prepared.effective, schema, "");
    EXPECT_EQ(prepared.config_sha256.size(), 64U);
  }
}

TEST(Prepared, EffectiveConfigurationRunsFromTheOutputFolder) {
  const ScratchFolder scratch;
  const std::string out = (scratch.path() / "result").string();
  const Prepared first = prepare_file("configs/tiny_gpt.json", out);
  const std::string copy = scratch.write("result/config.json", first.effective.dump());
  const Prepared second = prepare_file(copy, out);
  EXPECT_EQ(second.config_sha256, first.config_sha256);
  EXPECT_EQ(second.effective.dump(), first.effective.dump());
  EXPECT_EQ(second.attention()->q, first.attention()->q);
  EXPECT_EQ(second.expected, first.expected);
}

TEST(Prepared, HashIsOfContentsAndLeavesOutFidelityOnly) {
  CommandLine line;
  line.command = "run";
  line.positional = {"configs/tiny_gpt.json"};
  const std::string base = prepare(line).config_sha256;
  line.sets = {"accelerator.fidelity=cycle"};
  EXPECT_EQ(prepare(line).config_sha256, base);
  line.sets = {"workload.q=../configs/tensors/tiny_gpt/layer0_q.npy"};
  EXPECT_EQ(prepare(line).config_sha256, base);
  line.sets = {"workload.q=tensors/tiny_gpt/layer0_k.npy"};
  EXPECT_NE(prepare(line).config_sha256, base);
  line.sets = {"accelerator.array.rows=8"};
  EXPECT_NE(prepare(line).config_sha256, base);
  line.sets = {};
  line.seed = 2;
  EXPECT_NE(prepare(line).config_sha256, base);
}

}  // namespace
}  // namespace attnguard
