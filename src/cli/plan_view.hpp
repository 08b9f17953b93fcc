// A plan for people and for programs: what will be sent, to whom, until when, at what price.
#pragma once

#include <string>

#include "base/json.hpp"
#include "cli/prepare.hpp"
#include "plan/forecast.hpp"

namespace loa {

// `from` is when sending would begin if the campaign has no not_before.
std::string plan_text(const Prepared& prepared, Instant from);
std::string plan_json(const Prepared& prepared, Instant from);

}  // namespace loa
