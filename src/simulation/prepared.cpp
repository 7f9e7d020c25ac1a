#include "src/simulation/prepared.h"

#include <fmt/format.h>

#include "src/campaign/faults/fault_list.h"
#include "src/config/read_config.h"
#include "src/config/schema_version.h"
#include "src/config/sha256.h"
#include "src/config/user_error.h"
#include "src/config/version.h"
#include "src/files/input_file.h"
#include "src/files/output_file.h"
#include "src/files/own_files.h"
#include "src/workload/load_workload.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFileKeys[] = {"q", "k", "v", "a", "b", "expected_output"};

// What the tensors decided becomes explicit.
void fill_in(WorkloadConfig& workload, const Job& job) {
  if (workload.from_files() && !workload.tensor_format)
    workload.tensor_format = TensorFormat::floating;
  const auto* attention = std::get_if<AttentionJob>(&job);
  if (attention == nullptr) {
    if (!workload.from_files() && !workload.gemm.distribution)
      workload.gemm.distribution = GemmDistributionConfig{};
    return;
  }
  if (!workload.scale) workload.scale = attention->shape.scale;
  if (workload.from_files()) return;
  workload.kv_heads = attention->shape.kv_heads;
  if (!workload.distribution) workload.distribution = DistributionConfig{};
}

// Relative file names, so far relative to `from`, become relative to `to`. UserError for a file
// that goes when the result takes the place of an earlier one.
void rebase_file(Json& name, const fs::path& from, const fs::path& to) {
  const fs::path file = name.get<std::string>();
  // Absolute first: a relative folder that does not exist yet stays relative in weakly_canonical.
  const fs::path there = fs::weakly_canonical(fs::absolute(from / file)),
                 folder = fs::weakly_canonical(fs::absolute(to)),
                 relative = there.lexically_relative(folder);
  if (is_own(folder / *relative.begin()) && is_own(there))
    throw UserError(
        fmt::format("{}: lies in {}, where the result would replace it; a copy elsewhere",
                    (from / file).string(), to.string()));
  if (!file.is_absolute()) name = relative.generic_string();
}

void rebase_files(Json& effective, const fs::path& from, const fs::path& to) {
  for (const char* key : kFileKeys)
    if (const auto file = effective["workload"].find(key);
        file != effective["workload"].end() && file->is_string())  // of a gemm, k is a number
      rebase_file(*file, from, to);
  if (effective["campaign"].contains("fault_list"))
    rebase_file(effective["campaign"]["fault_list"], from, to);
  if (effective.contains("technology")) rebase_file(effective["technology"], from, to);
}

void load_technology(Prepared& prepared, const fs::path& folder) {
  if (!prepared.config.technology) {
    prepared.technology = built_in_technology();
    return;
  }
  const fs::path file = folder / *prepared.config.technology;
  prepared.technology = read_technology(file);
  prepared.input_hashes.emplace_back("technology", sha256_hex(read_file(file)));
}

// The faults of campaign.fault_list; `effective` names the file and has none.
void load_fault_list(Prepared& prepared, const fs::path& folder) {
  CampaignConfig& campaign = prepared.config.campaign;
  if (!campaign.fault_list) return;
  if (!campaign.faults.empty())
    prepared.origin.reject("/campaign/fault_list", "given", "not with `faults`");
  const fs::path file = folder / *campaign.fault_list;
  prepared.input_hashes.emplace_back("fault_list", read_fault_list(file, file.string(), campaign));
}

Json content_of(Json effective,
                const std::vector<std::pair<std::string, std::string>>& file_hashes) {
  for (const auto& [key, hash] : file_hashes) {
    if (key == "technology")
      effective[key] = hash;
    else
      effective[key == "fault_list" ? "campaign" : "workload"][key] = hash;
  }
  effective.erase(std::string(kSchemaVersionSpec.key));
  return effective;
}

std::string identity_hash(Json content) {
  content["accelerator"].erase("fidelity");
  content["campaign"].erase("engine");
  content.erase("calibration");
  return sha256_hex(content.dump());
}

}  // namespace

Configuration read_configuration(const CommandLine& command_line,
                                 const std::vector<Setting>& settings) {
  Configuration result;
  ConfigOrigin& origin = result.origin;
  origin.file = command_line.positional.at(0);
  Json document = parse_json_file(origin.file);
  for (const std::string& assignment : command_line.sets) apply_set(document, origin, assignment);
  if (command_line.seed && document.is_object()) {
    document["seed"] = *command_line.seed;
    origin.options.emplace_back("/seed", fmt::format("--seed {}", *command_line.seed));
  }
  for (const Setting& setting : settings) apply_setting(document, origin, setting);
  result.config = read_config(document, origin);
  return result;
}

Prepared prepare(const CommandLine& command_line, const std::vector<Setting>& settings) {
  Prepared prepared;
  Configuration read = read_configuration(command_line, settings);
  prepared.origin = std::move(read.origin);
  Config& config = prepared.config = std::move(read.config);
  const fs::path folder = fs::path(prepared.origin.file).parent_path();
  LoadedWorkload loaded = load_workload(
      config.workload, config.seed, config.accelerator.formats.operand, folder, prepared.origin);
  if (const auto* attention = std::get_if<AttentionJob>(&loaded.job))
    check_buffers(config.accelerator, attention->shape, prepared.origin);
  fill_in(config.workload, loaded.job);

  prepared.job = std::move(loaded.job);
  prepared.expected = std::move(loaded.expected);
  prepared.input_hashes = std::move(loaded.file_hashes);
  prepared.effective = write_config(config);
  load_fault_list(prepared, folder);
  load_technology(prepared, folder);
  prepared.content = content_of(prepared.effective, prepared.input_hashes);
  prepared.config_sha256 = identity_hash(prepared.content);
  rebase_files(prepared.effective, folder, output_directory(command_line));
  return prepared;
}

fs::path output_directory(const CommandLine& command_line) {
  if (command_line.out) return *command_line.out;
  const fs::path config = command_line.positional.at(0);
  const std::string whole = fmt::format("{}-{}", config.stem().string(), command_line.command);
  // Shards of one result stand together beside its folder.
  if (const auto& shard = command_line.shard)
    return fs::path("traces") / (whole + ".shards") / std::to_string(shard->number);
  return fs::path("traces") / whole;
}

namespace {

Json workload_json(const Prepared& prepared) {
  Json json = {{"kind", std::string(enum_name(prepared.config.workload.kind))}};
  if (const GemmJob* gemm = prepared.gemm()) {
    json.update({{"m", gemm->shape.m}, {"n", gemm->shape.n}, {"k", gemm->shape.k}});
    return json;
  }
  const AttentionShape& shape = prepared.attention()->shape;
  json.update({{"heads", shape.heads},
               {"kv_heads", shape.kv_heads},
               {"tokens_q", shape.tokens_q},
               {"tokens_k", shape.tokens_k},
               {"head_dim", shape.head_dim},
               {"mask", std::string(enum_name(shape.mask))}});
  return json;
}

}  // namespace

std::vector<std::uint64_t> Prepared::output_shape() const {
  if (const GemmJob* product = gemm()) return {product->shape.m, product->shape.n};
  const AttentionShape& shape = attention()->shape;
  return {shape.heads, shape.tokens_q, shape.head_dim};
}

Json result_header(const Prepared& prepared) {
  const AcceleratorConfig& accelerator = prepared.config.accelerator;
  Json inputs = Json::object();
  for (const auto& [key, hash] : prepared.input_hashes) inputs[key] = hash;
  return {{"tool",
           {{"name", "attnguard"},
            {"version", std::string(tool_version())},
            {"git", std::string(tool_git())}}},
          {"config_sha256", prepared.config_sha256},
          {"seed", prepared.config.seed},
          {"inputs", inputs},
          {"fidelity", std::string(enum_name(accelerator.fidelity))},
          {"workload", workload_json(prepared)},
          {"array",
           {{"rows", accelerator.array.rows},
            {"cols", accelerator.array.cols},
            {"dataflow", std::string(enum_name(accelerator.array.dataflow))}}}};
}

void write_text(const fs::path& file, std::string_view text) {
  OutputFile output(file);
  output << text;
  output.finish();
}

void write_json(const fs::path& file, const Json& json) {
  write_text(file, json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

}  // namespace attnguard
