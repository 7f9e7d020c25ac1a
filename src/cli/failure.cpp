#include "src/cli/failure.h"

#include <fmt/format.h>

#include <exception>
#include <systemc>

#include "src/config/printable.h"
#include "src/config/user_error.h"
#include "src/processes/refusal.h"
#include "src/simulation/errors.h"

namespace attnguard {

Failure current_failure() {
  if (const auto refusal = current_refusal()) return {kUserError, printable(*refusal)};
  try {
    throw;
  } catch (const UserError& error) {
    return {kUserError, printable(error.what())};
  } catch (const UnfinishedError& error) {
    return {kNotFinished, error.what()};
  } catch (const AuditError& error) {
    return {kAuditFailed, error.what()};
  } catch (const Interrupted& error) {
    return {kInterrupted, fmt::format("{}; nothing is kept", error.what())};
  } catch (const sc_core::sc_report& report) {
    const char* process = report.get_process_name();
    return {kModelBug,
            fmt::format("internal error: {}: {} (at {}{}{})", report.get_msg_type(),
                        report.get_msg(), report.get_time().to_string(),
                        process != nullptr ? ", process " : "", process != nullptr ? process : "")};
  } catch (const std::exception& error) {
    return {kModelBug, fmt::format("internal error: {}", error.what())};
  }
}

}  // namespace attnguard
