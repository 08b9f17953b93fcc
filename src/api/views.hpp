// What the API shows, as JSON. openapi.yaml describes each.
#pragma once

#include "base/json.hpp"
#include "desk/desk.hpp"

namespace loa {

// As in lists and events: without document and gateways.
void put_summary(JsonWriter& out, const CampaignView& campaign);
void put_campaign(JsonWriter& out, const CampaignView& campaign);
void put_forecast(JsonWriter& out, const CampaignView& campaign);
void put_plan(JsonWriter& out, const PlanView& plan);
void put_gateway(JsonWriter& out, const GatewayView& gateway);
void put_act(JsonWriter& out, const ActRecord& act);

}  // namespace loa
