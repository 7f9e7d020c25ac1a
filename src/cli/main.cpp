// The executable.
#include <cstdlib>
#include <string>
#include <systemc>
#include <vector>

#include "src/cli/attnguard_main.h"

int sc_main(int argc, char** argv) {
  return attnguard::attnguard_main(std::vector<std::string>(argv + 1, argv + argc));
}

int main(int argc, char** argv) {
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
