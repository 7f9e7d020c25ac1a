// Everything a command needs before the simulation is built: the configuration checked, the tensors
// loaded or drawn.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/cli/command_line.h"
#include "src/config/config.h"
#include "src/config/document.h"
#include "src/config/origin.h"
#include "src/cost/technology.h"
#include "src/workload/job.h"

namespace attnguard {

struct Prepared {
  Config config;
  ConfigOrigin origin;    ///< names a configuration value in an error message
  Technology technology;  ///< constants of energy and area
  Job job;                ///< values are exact images of the operand format
  /// Of `content` without fidelity, engine and calibration, which cannot change the result of a run
  /// or campaign.
  std::string config_sha256;
  std::optional<std::vector<float>> expected;  ///< shape of the output
  /// (key, SHA-256 of the file) of every tensor file.
  std::vector<std::pair<std::string, std::string>> input_hashes;
  /// The effective configuration, every default filled in; tensor paths relative to
  /// output_directory().
  nlohmann::ordered_json effective;
  /// The same with the SHA-256 of files in place of their names: wherever they lie.
  nlohmann::ordered_json content;

  /// Null for another kind of workload.
  const AttentionJob* attention() const { return std::get_if<AttentionJob>(&job); }
  const GemmJob* gemm() const { return std::get_if<GemmJob>(&job); }
  /// [heads, tokens_q, head_dim] or [m, n].
  std::vector<std::uint64_t> output_shape() const;
};

struct Configuration {
  Config config;
  ConfigOrigin origin;
};

/// Reads positional[0], applies --set and --seed, then `settings`; checks what needs no tensors.
/// Throws UserError.
Configuration read_configuration(const CommandLine& command_line,
                                 const std::vector<Setting>& settings = {});

/// The same, and loads or draws the tensors. Throws UserError.
Prepared prepare(const CommandLine& command_line, const std::vector<Setting>& settings = {});

/// --out, or traces/<config stem>-<command>, of shard K traces/<config stem>-<command>.shards/K.
std::filesystem::path output_directory(const CommandLine& command_line);

/// What run.json and summary.json begin with: tool, config_sha256, seed, inputs, fidelity,
/// workload, array.
nlohmann::ordered_json result_header(const Prepared& prepared);

/// `text` as it is. Throws std::runtime_error when it cannot be written.
void write_text(const std::filesystem::path& file, std::string_view text);
/// `json`, indented, with a final newline; likewise.
void write_json(const std::filesystem::path& file, const nlohmann::ordered_json& json);

}  // namespace attnguard
