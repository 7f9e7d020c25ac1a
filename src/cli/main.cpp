// The executable.
#include <csignal>
#include <cstdlib>
#include <string>
#include <systemc>
#include <vector>

#include "src/cli/attnguard_main.h"
#include "src/cli/standard_streams.h"
#include "src/processes/interrupt.h"
#include "src/processes/out_of_memory.h"

int sc_main(int argc, char** argv) {
  return attnguard::attnguard_main(std::vector<std::string>(argv + 1, argv + argc));
}

int main(int argc, char** argv) {
  attnguard::open_standard_streams();
  attnguard::reserve_memory();
  // A reader that is gone and a limit on the size of files are errors of writing, which are told.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  attnguard::end_on_interrupt();
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
