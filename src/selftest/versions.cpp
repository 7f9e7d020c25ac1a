#include "src/selftest/versions.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/utsname.h>

#include <boost/version.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <systemc>
#include <thread>

#include "hwy/base.h"
#include "hwy/highway.h"
#include "src/config/version.h"
#include "src/selftest/simd_targets.h"

namespace attnguard {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang++ " __clang_version__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(": ") + 2);
  return "unknown";
}

std::string system_name() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> versions() {
  return {
      {"attnguard", fmt::format("{} ({})", tool_version(), tool_git())},
      {"compiler", fmt::format("{}, {}", kCompiler, ATTNGUARD_BUILD_TYPE)},
      {"SystemC", sc_core::sc_version_string.empty() ? "unknown" : sc_core::sc_version_string},
      {"Highway", fmt::format("{}.{}.{}, {}", HWY_MAJOR, HWY_MINOR, HWY_PATCH, simd_target())},
      {"Boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000,
                            BOOST_VERSION % 100)},
      {"fmt",
       fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"nlohmann_json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                    NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
      {"OpenSSL", OpenSSL_version(OPENSSL_VERSION)},
      {"processor", fmt::format("{}, {} cores", processor(), std::thread::hardware_concurrency())},
      {"system", system_name()},
  };
}

}  // namespace attnguard
