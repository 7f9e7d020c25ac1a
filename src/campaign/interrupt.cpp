#include "src/campaign/interrupt.h"

#include <csignal>

namespace attnguard {
namespace {

volatile std::sig_atomic_t noted = 0;

void note(int) { noted = 1; }

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESETHAND;
  sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  noted = 0;
  handle(SIGINT, note);
  handle(SIGTERM, note);
}

InterruptGuard::~InterruptGuard() {
  handle(SIGINT, SIG_DFL);
  handle(SIGTERM, SIG_DFL);
}

bool InterruptGuard::interrupted() { return noted != 0; }

}  // namespace attnguard
