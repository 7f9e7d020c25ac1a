#include "src/processes/carried_error.h"

#include <exception>

#include "src/config/user_error.h"
#include "src/processes/refusal.h"
#include "src/simulation/errors.h"

namespace attnguard {

using Json = nlohmann::ordered_json;

Json current_error() {
  const auto error = [](const char* kind, const std::exception& thrown) {
    return Json{{"kind", kind}, {"message", thrown.what()}};
  };
  if (const auto refusal = current_refusal()) return {{"kind", "machine"}, {"message", *refusal}};
  try {
    throw;
  } catch (const UserError& thrown) {
    return error("user", thrown);
  } catch (const UnfinishedError& thrown) {
    return error("unfinished", thrown);
  } catch (const AuditError& thrown) {
    return error("audit", thrown);
  } catch (const std::exception& thrown) {
    return error("model", thrown);
  }
}

void throw_error(const Json& error, const std::string& where) {
  const std::string kind = error.at("kind"), text = where + error.at("message").get<std::string>();
  if (kind == "user") throw UserError(text);
  if (kind == "unfinished") throw UnfinishedError(text);
  if (kind == "machine") throw MachineError(text);
  if (kind == "audit") throw AuditError(text);
  throw ModelError(text);
}

}  // namespace attnguard
