// A value change dump (IEEE 1364-2005, 18) with the strings that GTKWave adds to it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace attnguard {

class VcdFile {
 public:
  using Variable = std::size_t;

  // Scopes are the parts of `path` between dots; its last part names the variable.
  Variable wire(const std::string& path) { return add(path, Kind::wire); }
  Variable integer(const std::string& path) { return add(path, Kind::integer); }
  Variable real(const std::string& path) { return add(path, Kind::real); }
  Variable text(const std::string& path) { return add(path, Kind::text); }

  // Changes may come in any order; of several at the same time the last one counts. Before its
  // first change a variable is unknown.
  void set_wire(Variable variable, std::uint64_t time, bool value);
  void set_integer(Variable variable, std::uint64_t time, std::uint64_t value);
  void set_real(Variable variable, std::uint64_t time, double value);
  /// White space becomes '_'.
  void set_text(Variable variable, std::uint64_t time, std::string_view value);
  void set_unknown(Variable variable, std::uint64_t time);

  /// Time t is t × `tick_ps`; the file ends at `end`. Failures as of OutputFile.
  void write(const std::filesystem::path& file, std::uint64_t tick_ps, std::uint64_t end) const;

 private:
  enum class Kind : std::uint8_t { wire, integer, real, text };
  struct Declared {
    std::string path;
    Kind kind;
  };
  struct Change {
    std::uint64_t time;
    Variable variable;
    std::string value;
  };

  Variable add(const std::string& path, Kind kind);
  void change(Variable variable, std::uint64_t time, std::string value);
  std::string declarations() const;

  std::vector<Declared> variables_;
  std::vector<Change> changes_;
};

}  // namespace attnguard
