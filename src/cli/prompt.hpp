// Questions to the person at the terminal.
#pragma once

#include <string>

#include "base/result.hpp"

namespace loa {

// Somebody can be asked: stdin and stderr are terminals.
bool has_terminal();

// A line of stdin without its end, at most `max` bytes and one more of it.
Result<std::string> read_input_line(std::size_t max);

// Prompts on stderr, answers on stdin.
Result<std::string> ask(const std::string& prompt);
// Without echo. Ctrl-C leaves, with Code::usage.
Result<std::string> ask_secret(const std::string& prompt);

}  // namespace loa
