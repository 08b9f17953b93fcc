// What plan and send begin with: the configuration, the campaign, and the campaign frozen.
#pragma once

#include <optional>
#include <string>

#include "campaign/campaign.hpp"
#include "cli/settings.hpp"
#include "plan/freeze.hpp"

namespace loa {

struct Prepared {
  Settings settings;
  Campaign campaign;
  FrozenPlan plan;
};

// Nothing, and `status` set, when something is wrong: it has been printed.
std::optional<Prepared> prepare(const std::string& config, const std::string& campaign,
                                int& status);

// The campaign's id, when `argument` is a campaign file; else the argument itself.
std::string campaign_id(const std::string& argument);

}  // namespace loa
