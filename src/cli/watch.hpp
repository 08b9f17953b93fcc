// Follows a campaign on the terminal. To leave changes nothing: the campaign goes on.
#pragma once

#include <string>

#include "base/result.hpp"
#include "cli/client.hpp"

namespace loa {

// Until the campaign is over or Ctrl-C; the exit status: 0 all settled, 1 some in doubt or never
// sent, 75 left before its end.
Result<int> watch_campaign(ApiClient& client, const std::string& id, bool json);

}  // namespace loa
