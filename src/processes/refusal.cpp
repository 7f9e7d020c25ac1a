#include "src/processes/refusal.h"

#include <boost/interprocess/exceptions.hpp>
#include <filesystem>
#include <new>
#include <system_error>

#include "src/simulation/errors.h"

namespace attnguard {

std::optional<std::string> current_refusal() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (const MachineError& error) {
    return error.what();
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string to = error.path2().empty() ? "" : " to " + error.path2().string();
    return error.path1().string() + to + ": " + error.code().message();
  } catch (const std::system_error& error) {
    return error.what();
  } catch (const boost::interprocess::interprocess_exception& error) {
    return error.what();
  } catch (...) {
  }
  return std::nullopt;
}

}  // namespace attnguard
