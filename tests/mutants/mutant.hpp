// Included before everything else by the build of mutants.py, which writes the calls.
#pragma once

#include <cstdlib>

// Whether this sabotage is the one that the environment asks for.
inline bool loa_mutant(int number) {
  static const int chosen = [] {
    const char* text = std::getenv("LOA_MUTANT");
    return text == nullptr ? 0 : std::atoi(text);
  }();
  return number == chosen;
}
