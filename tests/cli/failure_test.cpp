// What a command says and how it exits when an error reaches its end.
#include "src/cli/failure.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <systemc>

#include "src/config/user_error.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

template <class Throw>
std::string failure_of(Throw throw_it) {
  try {
    throw_it();
  } catch (...) {
    const Failure failure = current_failure();
    return std::to_string(failure.code) + " " + failure.message;
  }
  return "nothing thrown";
}

TEST(Failure, ExitCodeTellsWhoseFaultItIs) {
  EXPECT_EQ(failure_of([] { throw UserError("a: 1; 2"); }), "2 a: 1; 2");
  EXPECT_EQ(failure_of([] { throw ModelError("a row twice"); }), "3 internal error: a row twice");
  EXPECT_EQ(failure_of([] { throw std::runtime_error("vector::at"); }),
            "3 internal error: vector::at");
  EXPECT_EQ(failure_of([] { throw UnfinishedError("no progress"); }), "4 no progress");
  EXPECT_EQ(failure_of([] { throw AuditError("1 of 9 differ"); }), "5 1 of 9 differ");
  EXPECT_EQ(failure_of([] { throw Interrupted(3, 9); }), "130 interrupted; nothing is kept");
}

TEST(Failure, OfTheKernelNamesWhatItReports) {
  EXPECT_EQ(failure_of([] { SC_REPORT_ERROR("port not bound", "port 'top.a'"); }),
            "3 internal error: port not bound: port 'top.a' (at 0 s)");
}

}  // namespace
}  // namespace attnguard
