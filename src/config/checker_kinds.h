// The kinds of checker that a configuration may name. The built-in ones are listed in
// checker_kinds.cpp; a program that links attnguard::sim may add its own before it reads a
// configuration.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "models/checksum_unit/checker_options.h"
#include "src/config/describer.h"
#include "src/config/reader.h"
#include "src/config/writer.h"

namespace attnguard {

/// Checkers of a configuration.
inline constexpr std::size_t kMostCheckers = 256;

inline constexpr FieldSpec kCheckerKindSpec{"kind", "which scheme", 0, 0, true};

/// Options whose checker takes part in plain products of matrices say so:
///   static constexpr bool for_gemm = true;
template <class Options, class = void>
struct ForGemm : std::false_type {};
template <class Options>
struct ForGemm<Options, std::enable_if_t<Options::for_gemm>> : std::true_type {};

/// What configuration, its dump and its schema must know of an options struct.
struct CheckerKind {
  std::string name;
  bool for_gemm;
  CheckerOptions (*read)(ObjectReader& reader);
  void (*write)(const CheckerOptions& options, ObjectWriter& writer);
  void (*describe)(ObjectDescriber& describer);
};

/// Options: as checker_options.h says.
template <class Options>
CheckerKind checker_kind() {
  return {std::string(Options::kind), ForGemm<Options>::value,
          [](ObjectReader& reader) -> CheckerOptions {
            Options options;
            Options::visit(options, reader);
            return options;
          },
          [](const CheckerOptions& options, ObjectWriter& writer) {
            Options::visit(*options.get_if<Options>(), writer);
          },
          [](ObjectDescriber& describer) {
            const Options options;
            Options::visit(options, describer);
          }};
}

/// In the order of docs/configuration.md.
const std::vector<CheckerKind>& checker_kinds();

/// Throws std::logic_error if there is a kind of that name.
void add_checker_kind(CheckerKind kind);
template <class Options>
void add_checker_kind() {
  add_checker_kind(checker_kind<Options>());
}

}  // namespace attnguard
