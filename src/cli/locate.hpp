// What the verbs on a data directory begin with: where it is, and as much of the configuration as
// can be read.
#pragma once

#include <string>

#include "base/result.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "dispatch/record.hpp"

namespace loa {

struct Located {
  std::string data;
  Settings settings;  // without gateways when the configuration has faults
};

// The data directory asked for, else the configured one; then the configuration must be readable.
Result<Located> locate(const CommonOptions& common, const std::string& asked);

Error unknown_campaign(const std::string& id, const Record& record);

// How a campaign stands: its ending, else held or sending.
std::string state_of(const CampaignRecord& record);

// Who gives the command: the user of the process, and who became it by sudo.
std::string person();

}  // namespace loa
