#include "src/processes/interrupt.h"

#include <unistd.h>

#include <iterator>
#include <string_view>

namespace attnguard {
namespace {

constexpr int kInterrupted = 130;

volatile std::sig_atomic_t noted = 0;
int guards = 0;

struct sigaction calling(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  return action;
}

void note(int) { noted = 1; }

void end(int) {
  constexpr std::string_view kLine = "attnguard: interrupted\n";
  if (::write(STDERR_FILENO, kLine.data(), kLine.size()) < 0) ::_exit(kInterrupted);
  ::_exit(kInterrupted);
}

void take(int signal, const struct sigaction& action, struct sigaction* before) {
  struct sigaction present {};
  ::sigaction(signal, nullptr, &present);
  if (before != nullptr) *before = present;
  if (present.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
}

}  // namespace

void end_on_interrupt() {
  for (const int signal : InterruptGuard::kSignals) take(signal, calling(end), nullptr);
}

InterruptGuard::InterruptGuard() {
  if (guards++ == 0) noted = 0;
  for (std::size_t i = 0; i < std::size(kSignals); ++i)
    take(kSignals[i], calling(note), &before_[i]);
}

InterruptGuard::~InterruptGuard() {
  --guards;
  for (std::size_t i = 0; i < std::size(kSignals); ++i)
    ::sigaction(kSignals[i], &before_[i], nullptr);
}

bool InterruptGuard::interrupted() { return noted != 0; }

}  // namespace attnguard
