#include <cstdio>
#include <exception>

#include "cli/verbs.hpp"

int main(int argc, char** argv) {
  try {
    return loa::run_cli(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "loa: this is a fault of the program itself: %s\n", error.what());
    return 70;
  }
}
