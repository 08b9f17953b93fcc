// The command line in groups of verbs. A group's callbacks set `status`, the exit status.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/verbs.hpp"

namespace loa {

// --config and --json
void add_common(CLI::App& verb, CommonOptions& common);

void add_user_verbs(CLI::App& app, CommonOptions& common, int& status);
void add_client_verbs(CLI::App& app, CommonOptions& common, int& status);

}  // namespace loa
