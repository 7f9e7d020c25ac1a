#include "src/cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <string_view>
#include <system_error>

#include "src/config/nearest.h"
#include "src/config/user_error.h"
#include "src/config/version.h"

namespace attnguard {
namespace {

namespace po = boost::program_options;

struct Option {
  std::string_view name;
  std::string_view argument;  ///< empty for a switch
  std::string_view meaning;
  bool common = true;
};

constexpr Option kOptions[] = {
    {"set", "PATH=VALUE",
     "set a configuration key, e.g. accelerator.array.rows=8; may be repeated"},
    {"out", "DIR",
     "where to write (default: traces/<config>-<command>; of replay and roc: in DIR; of report: "
     "the "
     "file DIR/report.html)"},
    {"seed", "N", "the same as --set seed=N"},
    {"workers", "N", "processes at once, where a command uses several (default: one per core)"},
    {"force", "", "replace an earlier result"},
    {"quiet", "", "print nothing but errors"},
    {"help", "", "show this text"},
    {"version", "", "show the version"},
    {"dry-run", "", "population, memory, expected time and interval width; no injection", false},
    {"resume", "", "go on with the unfinished campaign or sweep in the folder", false},
    {"audit", "N", "injections to repeat by complete runs (default: 0.2 %, at most 200; 0: none)",
     false},
    {"write-faults", "", "also faults.csv, the faults as campaign.fault_list takes them", false},
    {"shard", "K/N", "part K of N of the campaign or sweep, 1 to N, for `attnguard merge`", false},
    {"write-residuals", "", "also residuals.csv, one row per fault-free check", false},
    {"vcd", "", "also waves.vcd: what units, lines and checkers did, for GTKWave", false},
    {"timeline", "", "also timeline.json: the same as Chrome trace events, for Perfetto", false},
    {"calibration", "DIR", "false alarms as a calibration found them, not the golden run's", false},
    {"memory", "BYTES", "most golden state to hold, e.g. 512M (default: 4G)", false},
};

struct Command {
  std::string_view name;
  std::string_view arguments;
  std::string_view meaning;
  std::size_t least, most;   ///< positional arguments
  std::string_view options;  ///< names, space-separated
};

constexpr std::size_t kMany = 1000;
constexpr std::string_view kConfigOptions = "set out seed workers force quiet help";
constexpr Command kCommands[] = {
    {"run", "CONFIG", "one fault-free simulation: outputs, cycles, stalls, checks", 1, 1,
     "set out seed workers force quiet help vcd timeline"},
    {"campaign", "CONFIG", "faults -> injections.csv, coverage.csv, summary.json, timing.json", 1,
     1, "set out seed workers force quiet help dry-run resume audit write-faults memory shard"},
    {"merge", "OUT DIR...", "all N shards of a campaign or sweep -> the whole", 2, SIZE_MAX,
     "workers force quiet help audit write-faults"},
    {"calibrate", "CONFIG", "fault-free runs -> thresholds for a false-alarm rate", 1, 1,
     "set out seed workers force quiet help write-residuals"},
    {"roc", "DIR", "coverage against false alarms of the campaign in DIR, for every threshold", 1,
     1, "out force quiet help calibration"},
    {"replay", "DIR N", "injection N of the campaign in DIR again: what changed where and when", 2,
     2, "out force quiet help vcd timeline"},
    {"sites", "CONFIG", "the fault universe: site classes, counts, bits, live cycles", 1, 1,
     kConfigOptions},
    {"sweep", "CONFIG", "a grid over configuration keys -> sweep.csv", 1, 1,
     "set out seed workers force quiet help resume audit memory shard"},
    {"report", "DIR...", "results of run, campaign and sweep as one page -> report.html", 1, kMany,
     "out force quiet help"},
    {"schema", "[keys]", "JSON Schema of the configuration; `keys`: the table of keys as Markdown",
     0, 1, "help quiet"},
    {"selftest", "", "known answers, fidelities and engines on this machine; versions for a report",
     0, 0, "help quiet"},
};

bool has_option(const Command& command, std::string_view name) {
  return fmt::format(" {} ", command.options).find(fmt::format(" {} ", name)) != std::string::npos;
}

std::string option_line(const Option& option) {
  return fmt::format("  {:<18}  {}\n", fmt::format("--{} {}", option.name, option.argument),
                     option.meaning);
}

std::string general_help() {
  std::string text =
      "attnguard: fault coverage of attention-accelerator checksums, simulated in SystemC\n\n"
      "usage: attnguard COMMAND [ARGUMENTS] [OPTIONS]\n\ncommands:\n";
  for (const Command& command : kCommands)
    text += fmt::format("  {:<18}  {}\n", fmt::format("{} {}", command.name, command.arguments),
                        command.meaning);
  text += "\ncommon options:\n";
  for (const Option& option : kOptions)
    if (option.common) text += option_line(option);
  text +=
      "\nexit codes: 0 done, 2 the input is wrong or the machine refuses a file or memory, 3 a bug "
      "in a model, 4 the simulation did not "
      "finish, "
      "5 an audit failed, 130 interrupted (go on with --resume)\n"
      "`attnguard COMMAND --help` shows the options of one command.\n";
  return text;
}

std::string command_help(const Command& command) {
  std::string text =
      fmt::format("attnguard {}: {}\n\nusage: attnguard {} {} [OPTIONS]\n\noptions:\n",
                  command.name, command.meaning, command.name, command.arguments);
  for (const Option& option : kOptions)
    if (has_option(command, option.name)) text += option_line(option);
  return text;
}

const Command& find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (command.name == name) return command;
    names.emplace_back(command.name);
  }
  throw UserError(fmt::format("{}: unknown command; {}", name, suggest(name, names)));
}

std::uint64_t number(std::string_view option, const std::string& text, std::uint64_t least,
                     std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw UserError(fmt::format("--{} {}: no such number; an integer from {} to {}", option, text,
                                least, most));
  return value;
}

// A number, or one with K, M, G or T behind it: powers of 1024.
std::uint64_t bytes(std::string_view option, const std::string& text) {
  constexpr std::string_view kUnits = "KMGT";
  const std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
  if (unit == std::string_view::npos) return number(option, text, 1, UINT64_MAX);
  const std::uint64_t factor = 1ULL << 10 * (unit + 1);
  return factor * number(option, text.substr(0, text.size() - 1), 1, UINT64_MAX / factor);
}

ShardId shard(const std::string& text) {
  constexpr std::uint32_t kMost = 1U << 20U;
  const std::size_t slash = text.find('/');
  ShardId id;
  const auto part = [](std::string_view digits, std::uint32_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (slash == std::string::npos || !part(std::string_view(text).substr(0, slash), id.number) ||
      !part(std::string_view(text).substr(slash + 1), id.count) || id.number < 1 ||
      id.number > id.count || id.count > kMost)
    throw UserError(fmt::format("--shard {}: no such shard; K/N with K from 1 to N and N up to {}",
                                text, kMost));
  return id;
}

po::options_description described_options() {
  po::options_description description;
  for (const Option& option : kOptions) {
    const std::string name(option.name);
    if (name == "set")
      description.add_options()("set", po::value<std::vector<std::string>>()->composing());
    else if (option.argument.empty())
      description.add_options()(name.c_str(), "");
    else
      description.add_options()(name.c_str(), po::value<std::string>());
  }
  description.add_options()("positional", po::value<std::vector<std::string>>());
  return description;
}

po::variables_map parse(const std::vector<std::string>& arguments) {
  const po::options_description description = described_options();
  po::positional_options_description positional;
  positional.add("positional", -1);
  // No guessing: a prefix of an option is an unknown option. No short options: a negative number
  // stays an argument.
  const int style = po::command_line_style::allow_long |
                    po::command_line_style::long_allow_adjacent |
                    po::command_line_style::long_allow_next;
  po::variables_map map;
  try {
    po::store(po::command_line_parser(arguments)
                  .options(description)
                  .positional(positional)
                  .style(style)
                  .run(),
              map);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const Option& option : kOptions) names.push_back(fmt::format("--{}", option.name));
    throw UserError(fmt::format("{}: unknown option; {}", error.get_option_name(),
                                suggest(error.get_option_name(), names)));
  } catch (const po::error& error) {
    throw UserError(fmt::format("{}; see attnguard --help", error.what()));
  }
  return map;
}

}  // namespace

ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments) {
  const po::variables_map map = parse(arguments);
  ParsedCommandLine parsed;
  if (map.count("version") != 0) {
    parsed.text = fmt::format("attnguard {} ({})\n", tool_version(), tool_git());
    return parsed;
  }
  std::vector<std::string> words;
  if (map.count("positional") != 0) words = map["positional"].as<std::vector<std::string>>();
  if (words.empty()) {
    if (map.count("help") == 0) throw UserError("no command; see attnguard --help");
    parsed.text = general_help();
    return parsed;
  }
  const Command& command = find_command(words[0]);
  if (map.count("help") != 0) {
    parsed.text = command_help(command);
    return parsed;
  }
  for (const Option& option : kOptions)
    if (map.count(std::string(option.name)) != 0 && !has_option(command, option.name))
      throw UserError(fmt::format("--{}: no option of {}; see attnguard {} --help", option.name,
                                  command.name, command.name));
  words.erase(words.begin());
  if (words.size() < command.least || words.size() > command.most)
    throw UserError(fmt::format("{}: {} arguments; usage: attnguard {} {}", command.name,
                                words.size(), command.name, command.arguments));

  CommandLine& line = parsed.command_line;
  line.command = command.name;
  line.positional = words;
  if (map.count("set") != 0) line.sets = map["set"].as<std::vector<std::string>>();
  if (map.count("out") != 0) line.out = map["out"].as<std::string>();
  if (line.out && line.out->empty()) throw UserError("--out: empty; the name of a folder");
  if (map.count("seed") != 0)
    line.seed = number("seed", map["seed"].as<std::string>(), 0, UINT64_MAX);
  if (map.count("workers") != 0)
    line.workers =
        static_cast<std::uint32_t>(number("workers", map["workers"].as<std::string>(), 1, 1024));
  if (map.count("audit") != 0)
    line.audit = number("audit", map["audit"].as<std::string>(), 0, UINT64_MAX);
  if (map.count("memory") != 0)
    line.memory_bytes = bytes("memory", map["memory"].as<std::string>());
  line.force = map.count("force") != 0;
  line.resume = map.count("resume") != 0;
  if (line.resume && line.force)
    throw UserError("--resume --force: it goes on or starts anew; one of the two");
  line.quiet = map.count("quiet") != 0;
  line.write_faults = map.count("write-faults") != 0;
  line.write_residuals = map.count("write-residuals") != 0;
  line.vcd = map.count("vcd") != 0;
  line.timeline = map.count("timeline") != 0;
  if (map.count("calibration") != 0) line.calibration = map["calibration"].as<std::string>();
  line.dry_run = map.count("dry-run") != 0;
  if (map.count("shard") != 0) line.shard = shard(map["shard"].as<std::string>());
  if (line.shard && line.dry_run)
    throw UserError("--shard --dry-run: the forecast is of the whole campaign; without --shard");
  if (line.shard && (line.audit || line.write_faults))
    throw UserError(fmt::format("--shard --{}: done with all shards; an option of attnguard merge",
                                line.audit ? "audit" : "write-faults"));
  return parsed;
}

}  // namespace attnguard
