// The closing balance for people and for programs.
#pragma once

#include <string>

#include "base/json.hpp"
#include "dispatch/record.hpp"
#include "plan/plan.hpp"

namespace loa {

// `state` is how sending stands or ended: sending, finished, stopped, expired, held, interrupted.
std::string balance_text(const Plan& plan, const CampaignRecord& record, std::string_view state);
void put_balance(JsonWriter& out, const Plan& plan, const CampaignRecord& record,
                 std::string_view state);

// 0 when everyone is settled, 75 when running again can settle more, 1 when it cannot.
int exit_status(const CampaignRecord& record, std::string_view state);

}  // namespace loa
