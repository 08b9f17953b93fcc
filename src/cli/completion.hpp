// Completion in a shell. The scripts are thin: they hand the words to `loa __complete`, the last of
// them begun, and show what it prints: one candidate a line, a tab, what it is; ":files" for any
// file.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace loa {

extern const std::string_view kBashCompletion;
extern const std::string_view kZshCompletion;
extern const std::string_view kFishCompletion;

// Asks the daemon for campaigns and gateways, for as long as nobody notices; is silent without one.
void print_completions(const CLI::App& app, std::vector<std::string> words);

}  // namespace loa
