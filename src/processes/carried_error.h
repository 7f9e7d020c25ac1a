// What went wrong in another process, on its way to this one.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace attnguard {

/// Of the exception being handled; call it in a catch block. {"kind", "message"}.
nlohmann::ordered_json current_error();

/// Throws it again, with `where` before the message: UserError, UnfinishedError, AuditError,
/// MachineError, or else ModelError.
[[noreturn]] void throw_error(const nlohmann::ordered_json& error, const std::string& where = "");

}  // namespace attnguard
