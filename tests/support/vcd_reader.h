// A VCD file as GTKWave understands it: read by vcd2fst and written out again by fst2vcd.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"

namespace attnguard {

class VcdReader {
 public:
  /// Value from this time on.
  struct Change {
    std::uint64_t time_ps;
    std::string value;  ///< integers in decimal, "x" if unknown
  };

  /// Throws where the tools of the package gtkwave are missing or complain.
  explicit VcdReader(const std::filesystem::path& file) {
    const ScratchFolder folder;
    const std::string fst = (folder.path() / "waves.fst").string(),
                      back = (folder.path() / "back.vcd").string();
    execute("vcd2fst -v " + file.string() + " -f " + fst, folder.path() / "log");
    execute("fst2vcd -f " + fst + " -o " + back, folder.path() / "log");
    std::ifstream stream(back);
    read_declarations(stream);
    read_changes(stream);
  }

  bool has(const std::string& path) const { return codes_.count(path) != 0; }
  const std::vector<Change>& changes(const std::string& path) const {
    const auto code = codes_.find(path);
    if (code == codes_.end()) throw std::runtime_error("no variable " + path);
    return changes_.at(code->second);
  }
  std::string value_at(const std::string& path, std::uint64_t time_ps) const {
    std::string value = "x";
    for (const Change& change : changes(path))
      if (change.time_ps <= time_ps) value = change.value;
    return value;
  }
  /// Times at which a wire becomes 1.
  std::vector<std::uint64_t> rises(const std::string& path) const {
    std::vector<std::uint64_t> times;
    for (const Change& change : changes(path))
      if (change.value == "1") times.push_back(change.time_ps);
    return times;
  }
  std::uint64_t end_ps() const { return end_ps_; }

 private:
  static void execute(const std::string& command, const std::filesystem::path& log) {
    if (std::system((command + " >" + log.string() + " 2>&1").c_str()) != 0)
      throw std::runtime_error(command + ": " + read_text(log));
  }

  void read_declarations(std::istream& stream) {
    std::vector<std::string> scopes;
    for (std::string word; stream >> word && word != "$enddefinitions";) {
      std::string kind, name, bits, code;
      if (word == "$timescale") {
        stream >> word;
        if (word != "1ps") throw std::runtime_error("timescale " + word);
      } else if (word == "$scope") {
        stream >> kind >> name;
        scopes.push_back(name);
      } else if (word == "$upscope") {
        scopes.pop_back();
      } else if (word == "$var") {
        stream >> kind >> bits >> code >> name;
        std::string path;
        for (const std::string& scope : scopes) path += scope + ".";
        codes_[path + name] = code;
        changes_[code];
      }
    }
  }

  void read_changes(std::istream& stream) {
    std::uint64_t now = 0;
    for (std::string word; stream >> word;) {
      if (word[0] == '$') continue;
      if (word[0] == '#') {
        end_ps_ = now = std::stoull(word.substr(1));
        continue;
      }
      std::string value = word.substr(1), code;
      if (word[0] == '0' || word[0] == '1' || word[0] == 'x') {
        code = value;
        value = word.substr(0, 1);
      } else {
        stream >> code;
        if (word[0] == 'b')
          value = value.find_first_of("xz") != std::string::npos
                      ? "x"
                      : std::to_string(std::stoull(value, nullptr, 2));
      }
      auto& changes = changes_.at(code);
      if (!changes.empty() && changes.back().time_ps == now) changes.pop_back();
      changes.push_back({now, value});
    }
  }

  std::map<std::string, std::string> codes_;  ///< by path
  std::map<std::string, std::vector<Change>> changes_;
  std::uint64_t end_ps_ = 0;
};

}  // namespace attnguard
